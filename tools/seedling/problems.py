"""Word problems written for Anneal, each with worked steps; they teach digits and small sums."""

# ruff: noqa: E501 - templates and word lists read better on one line

from __future__ import annotations

import random
from collections.abc import Callable

from tools.seedling.grammar import draw_roles, expand

Problem = tuple[str, str]


def _shop(rng: random.Random) -> Problem:
    roles, count, price = draw_roles(rng), rng.randint(2, 12), rng.randint(2, 15)
    cost = count * price
    paid = cost + rng.randint(1, 40)
    question = expand(
        rng,
        f"[{{A}} buys {count} {{COUNTABLE}} at ${price} each and pays with ${paid}. How much change does {{A_he}} get?"
        f"|one {{THING}} costs ${price}. {{A}} takes {count} of them and hands over ${paid}. What is the change?"
        f"|at the {{place}}, {{A}} picks {count} {{COUNTABLE}} that cost ${price} apiece. {{A_he}} had ${paid} at first. "
        f"How many dollars are left?]",
        roles,
    )
    return question, f"The cost is {count} * {price} = ${cost}.\nThe rest is {paid} - {cost} = ${paid - cost}."


def _give_away(rng: random.Random) -> Problem:
    roles, start, given, found = draw_roles(rng), rng.randint(20, 99), rng.randint(2, 19), rng.randint(2, 30)
    question = expand(
        rng,
        f"[{{A}} has {start} {{COUNTABLE}}. {{A_he}} gives {given} to {{B}} and later finds {found} more. "
        f"How many does {{A}} have now?|there were {start} {{COUNTABLE}} in the {{place}}. {given} were taken away by "
        f"{{B}}, then {{A}} put in {found}. How many are there in the end?]",
        roles,
    )
    rest = start - given
    return question, f"After giving: {start} - {given} = {rest}.\nAfter that: {rest} + {found} = {rest + found}."


def _share(rng: random.Random) -> Problem:
    roles, people, each, own = draw_roles(rng), rng.randint(2, 9), rng.randint(2, 12), rng.randint(1, 15)
    total = people * each
    question = expand(
        rng,
        f"[{{A}} shares {total} {{COUNTABLE}} equally among {people} children|{total} {{COUNTABLE}} are packed evenly into "
        f"{people} boxes and {{A}} opens one]. [One child|{{B}}, who gets one part,] already had {own}. "
        f"How many {{COUNTABLE}} is that [together|in all]?",
        roles,
    )
    return question, f"Each part is {total} / {people} = {each}.\nTogether that is {each} + {own} = {each + own}."


def _speed(rng: random.Random) -> Problem:
    roles, speed, hours, more = draw_roles(rng), rng.randint(3, 60), rng.randint(2, 8), rng.randint(2, 30)
    question = expand(
        rng,
        f"[a {{vehicle}} goes {speed} miles in one hour. It drives for {hours} hours and then {more} miles more. "
        f"How far does it go?|{{A}} travels by {{vehicle}} for {hours} hours at {speed} miles per hour, then another "
        f"{more} miles to {{TOWN}}. What is the whole distance?]",
        roles,
    )
    far = speed * hours
    return (
        question,
        f"In {hours} hours it is {speed} * {hours} = {far} miles.\nIn all it is {far} + {more} = {far + more}.",
    )


def _percent(rng: random.Random) -> Problem:
    roles, price, rate = draw_roles(rng), 20 * rng.randint(1, 15), rng.choice([5, 10, 15, 20, 25, 30, 50])
    off = price * rate // 100
    question = expand(
        rng,
        f"[a {{thing}} costs ${price}. In the {{season}} sale it is {rate}% cheaper. What does it cost then?"
        f"|{{A}} wants a {{thing}} for ${price} and gets {rate}% off because {{A_he}} knows the {{job}}. "
        f"How much does {{A_he}} pay?]",
        roles,
    )
    return question, f"{rate}% of {price} is {off}.\nThe price is {price} - {off} = ${price - off}."


def _times(rng: random.Random) -> Problem:
    roles, first, factor, less = draw_roles(rng), rng.randint(3, 25), rng.randint(2, 6), rng.randint(1, 5)
    word = {2: "twice", 3: "three times", 4: "four times", 5: "five times", 6: "six times"}[factor]
    second = first * factor
    third = second - less
    question = expand(
        rng,
        f"{{A}} [picked|collected|made|read] {first} {{COUNTABLE}}. {{B}} [had|got] {word} as many. The {{job}} "
        f"[had|brought] {less} fewer than {{B}}. How many [were there in total|did all three have together]?",
        roles,
    )
    return question, (
        f"{{B}}'s part is {first} * {factor} = {second}.\nThe third part is {second} - {less} = {third}.\n"
        f"In total there are {first} + {second} + {third} = {first + second + third}."
    ).replace("{B}", roles["B"])


def _half(rng: random.Random) -> Problem:
    roles, half = draw_roles(rng), rng.randint(3, 40)
    whole = 2 * half
    question = expand(
        rng,
        f"[on {{DAY}} {{A}} sold {whole} {{COUNTABLE}} at the {{place}}. The next day {{A_he}} sold half as many. How many "
        f"were sold on both days?|{{A}} runs {whole} minutes on {{DAY}} and half of that the day after. How many minutes "
        f"does {{A_he}} run on these days?]",
        roles,
    )
    return question, f"Half of {whole} is {whole} / 2 = {half}.\nThe sum is {whole} + {half} = {whole + half}."


def _weeks(rng: random.Random) -> Problem:
    roles, daily, weeks, spent = draw_roles(rng), rng.randint(2, 15), rng.randint(2, 6), rng.randint(3, 13)
    total = daily * 7 * weeks
    question = expand(
        rng,
        f"[{{A}} saves ${daily} every day for {weeks} weeks and then spends ${spent} on {{food}}. How much money is left?"
        f"|the {{job}} earns ${daily} a day, seven days a week. After {weeks} weeks ${spent} go to the {{vehicle}} fare. "
        f"What remains?]",
        roles,
    )
    return question, (
        f"{weeks} weeks are {weeks} * 7 = {weeks * 7} days.\nThat brings {weeks * 7} * {daily} = ${total}.\n"
        f"What is left is {total} - {spent} = ${total - spent}."
    )


def _rows(rng: random.Random) -> Problem:
    rows, seats, gone = rng.randint(3, 20), rng.randint(4, 15), rng.randint(2, 11)
    total = rows * seats
    question = expand(
        rng,
        f"the {{place}} has {rows} rows of {seats} [chairs|trees|lamps|tables]. {gone} of them are [broken|new|{{colour}}]. "
        f"How many are not?",
    )
    return question, f"All together: {rows} * {seats} = {total}.\nWithout these: {total} - {gone} = {total - gone}."


def _age(rng: random.Random) -> Problem:
    roles, age, gap, years = draw_roles(rng), rng.randint(5, 40), rng.randint(2, 25), rng.randint(2, 12)
    question = expand(
        rng,
        f"{{A}} is {age} years old. {{A_his}} {{relative}} is {gap} years older. How old will [the {{relative}}|this person] "
        f"be in {years} years?",
        roles,
    )
    older = age + gap
    return (
        question,
        f"Now the age is {age} + {gap} = {older}.\nIn {years} years it is {older} + {years} = {older + years}.",
    )


GENERATORS: tuple[Callable[[random.Random], Problem], ...] = (
    _shop, _give_away, _share, _speed, _percent, _times, _half, _weeks, _rows, _age,
)  # fmt: skip


def word_problem(rng: random.Random) -> Problem:
    """Return a question and its worked answer, which ends with "The answer is N."."""
    question, steps = rng.choice(GENERATORS)(rng)
    number = steps.rstrip(".").split()[-1].lstrip("$")
    return question, f"{steps}\nThe answer is {number}."


def arithmetic(rng: random.Random) -> Problem:
    """Return an arithmetic question on numbers of one to three digits and its answer."""
    a, b = rng.randint(1, 10 ** rng.randint(1, 3)), rng.randint(1, 10 ** rng.randint(1, 2))
    sign, result = rng.choice([("+", a + b), ("-", a + b - b), ("*", a * b)])
    left = a + b if sign == "-" else a
    question = rng.choice(["What is {}?", "{} = ?", "Work out {}.", "How much is {}?"]).format(f"{left} {sign} {b}")
    return question, f"{left} {sign} {b} = {result}"
