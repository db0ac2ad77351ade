"""Conversations from templates: small talk, reading comprehension, word tasks, arithmetic, notes to JSON, tool calls.

Each generator returns turns `[(role, content), …]` that start with the user; `conversation` joins several.
"""

# ruff: noqa: E501 - templates and word lists read better on one line

from __future__ import annotations

import random
from collections.abc import Callable

from tools.seedling import problems, prose, records
from tools.seedling.grammar import draw_roles, expand
from tools.seedling.vocabulary import GROUPS, LISTS, PAST
from tools.seedling.wordnet import Sense

Turns = list[tuple[str, str]]
SYSTEM = (
    "You are a [helpful|friendly|patient|careful] [assistant|teacher|librarian|guide].",
    "Answer [briefly|in few words|in plain words|politely].",
    "You help [children|visitors|students] with {subject} and {hobby}.",
    "You are {A}, a {adjective} {JOB} from {TOWN}.",
)


def _exchange(question: str, answer: str) -> Turns:
    return [("user", question), ("assistant", answer)]


def small_talk(rng: random.Random) -> Turns:
    roles = draw_roles(rng)
    pairs = (
        ("[Hello|hi|good {time}|hey][!|.|]", "[Hello|hi|good day]! [How can I help you?|what can I do for you?]"),
        ("[How are you?|how is it going?]", "[I am fine, thank you.|very well, thanks.] [And you?|how are you?]"),
        ("[Thanks|thank you][!|.| for your help.]", "[You are welcome!|my pleasure.|any time.|glad to help.]"),
        ("I feel {feeling} today.", "[I am sorry|I see|thank you for telling me]. [Why do you feel like that?|what happened?]"),
        ("do you like {hobby}?", "I cannot [try|do] it myself, but many people [love|enjoy] it. Do you?"),
        ("what is your favourite colour?", "I [like {colour} best|think {colour} is lovely]. What is yours?"),
        ("[Bye|goodbye|see you][!|.]", "[Goodbye!|see you soon!|have a good {time}!]"),
        ("tell me something nice.", "[A {weather} {time} with {food} and a friend is a fine thing.|you asked, and that is a start.]"),
    )  # fmt: skip
    return [turn for ask, reply in rng.sample(pairs, rng.randint(1, 3))
            for turn in _exchange(expand(rng, ask, roles), expand(rng, reply, roles))]  # fmt: skip


def recall(rng: random.Random) -> Turns:
    roles = draw_roles(rng)
    facts = rng.sample(
        [
            ("My name is {A}.", "Nice to meet you, {A}!", "what is my name?", "Your name is {A}."),
            ("I live in {TOWN}.", "{TOWN} sounds [nice|pleasant].", "where do I live?", "You live in {TOWN}."),
            ("I have a {ANIMAL}.", "A {ANIMAL}! How [lovely|nice].", "which animal do I have?", "You have a {ANIMAL}."),
            ("I work as a {JOB}.", "It must be good to be a {JOB}.", "what is my work?", "You are a {JOB}."),
            ("my {THING} is {COLOUR}.", "A {COLOUR} {THING}, I see.", "what colour is my {THING}?", "It is {COLOUR}."),
        ],
        rng.randint(1, 3),
    )
    turns = [
        turn for say, reply, _, _ in facts for turn in _exchange(expand(rng, say, roles), expand(rng, reply, roles))
    ]
    _, _, ask, answer = rng.choice(facts)
    return turns + _exchange(expand(rng, ask, roles), expand(rng, answer, roles))


def word_problem(rng: random.Random) -> Turns:
    return _exchange(*problems.word_problem(rng))


def arithmetic(rng: random.Random) -> Turns:
    return _exchange(*problems.arithmetic(rng))


def note_to_json(rng: random.Random) -> Turns:
    return _exchange(*(records.classify_note(rng) if rng.random() < 0.65 else records.extract_fields(rng)))


def reading_comprehension(rng: random.Random) -> Turns:
    roles = draw_roles(rng)
    passage = expand(
        rng, "{A}, the {JOB}, kept a {COLOUR} {THING} in the {PLACE} of {TOWN}. ", roles
    ) + prose.story_about(rng, roles)
    questions = (
        ("who [is the story about|kept the {THING}]?", "{A}, the {JOB}."),
        ("what colour was the {THING}?", "It was {COLOUR}."),
        ("where was the {THING} kept?", "In the {PLACE} of {TOWN}."),
        ("what [is|was] {A}'s work?", "{A} [was|is] a {JOB}."),
        ("in which town does it happen?", "In {TOWN}."),
    )  # fmt: skip
    turns = [turn for ask, answer in rng.sample(questions, rng.randint(1, 3))
             for turn in _exchange(expand(rng, ask, roles), expand(rng, answer, roles))]  # fmt: skip
    return [("user", f"{passage}\n\n{turns[0][1]}"), *turns[1:]]


def how_to(rng: random.Random) -> Turns:
    task = rng.choice(list(prose.TASKS))
    ask = rng.choice(
        ["How do I {}?", "Tell me how to {}.", "What are the steps to {}?", "I want to {}. What should I do?"]
    )
    return _exchange(ask.format(task), prose.steps(rng, task))


def tell_story(rng: random.Random) -> Turns:
    roles = draw_roles(rng)
    ask = expand(
        rng, "[Tell me a story|write a short story|I would like a story] about {A}, the {JOB}, and a {THING}.", roles
    )
    return _exchange(ask, prose.story_about(rng, roles))


def grouping(rng: random.Random) -> Turns:
    group, other = rng.sample(list(GROUPS), 2)
    items, odd = rng.sample(GROUPS[group], 3), rng.choice(GROUPS[other])
    candidates = rng.sample([*items, odd], 4)
    yes = rng.random() < 0.5
    return rng.choice(
        [
            _exchange(f"Name {rng.choice(['three', '3'])} examples of a {group}.", ", ".join(items)),
            _exchange(f"Which one does not belong: {', '.join(candidates)}?", f"{odd}, because it is a {other}."),
            _exchange(f"Is {items[0] if yes else odd} a {group}?", "Yes." if yes else f"No, it is a {other}."),
            _exchange(f"What kind of thing is {odd}?", f"A {other}."),
            _exchange(f"Pick the {other}: {', '.join(candidates)}", odd),
        ]
    )


def string_tasks(rng: random.Random) -> Turns:
    words = rng.sample(LISTS["thing"] + LISTS["animal"] + LISTS["place"], rng.randint(3, 6))
    line, numbers = " ".join(words), rng.sample(range(1, 100), 4)
    verb, past = rng.choice(list(PAST.items()))
    joined = ", ".join(words)
    return rng.choice(
        [
            _exchange(f"Repeat: {line}", line),
            _exchange(f"Say this backwards, word by word: {line}", " ".join(reversed(words))),
            _exchange(f"Write in capitals: {line}", line.upper()),
            _exchange(f"Sort by the alphabet: {joined}", ", ".join(sorted(words))),
            _exchange(f"Sort these numbers: {', '.join(map(str, numbers))}", ", ".join(map(str, sorted(numbers)))),
            _exchange(f"Which number is the largest: {', '.join(map(str, numbers))}?", str(max(numbers))),
            _exchange(f"What is the first word? {line}", words[0]),
            _exchange(f"What is the last word? {line}", words[-1]),
            _exchange(f"How many words are there? {line}", str(len(words))),
            _exchange(f"Make a JSON list: {joined}", "[" + ",".join(f'"{word}"' for word in words) + "]"),
            _exchange(f"What is the past of “{verb}”?", past),
        ]
    )


def sentiment(rng: random.Random) -> Turns:
    good = rng.random() < 0.5
    kind = (
        "[The {food} was wonderful|I loved every minute at the {place}|what a lovely {thing}|the {job} was kind to us]"
        if good
        else "[The {food} was awful|I would never go to that {place} again|what a dreadful {thing}|the {job} was rude to us]"
    )
    text = expand(rng, kind + "[.|!| on {day}.| last {season}.]")
    ask = rng.choice(["Good or bad? {}", "Is this kind or angry? {}", "How does the writer feel? {}"])
    words = {"Good or bad? {}": ("Good", "Bad"), "Is this kind or angry? {}": ("Kind", "Angry")}.get(
        ask, ("Pleased", "Upset")
    )
    return _exchange(ask.format(text), words[0] if good else words[1])


def tool_call(rng: random.Random) -> Turns:
    roles, degrees = draw_roles(rng), rng.randint(-5, 35)
    ask = expand(rng, "[What is the weather in {TOWN}?|how warm is it in {TOWN} today?]", roles)
    sky = rng.choice(LISTS["weather"])
    tool_result = records.compact_json({"town": roles["TOWN"], "degrees": degrees, "sky": sky})
    return [("user", ask), ("assistant", f"Let me look up {roles['TOWN']}."), ("tool", tool_result),
            ("assistant", f"It is {sky} in {roles['TOWN']}, {degrees} degrees.")]  # fmt: skip


def word_meaning(rng: random.Random, senses: list[Sense]) -> Turns:
    sense = rng.choice(senses)
    word, questions = sense.lemmas[0], [("What does “{}” mean?", sense.definition), ("Define {}.", sense.definition)]
    questions.append(
        ("What part of speech is “{}”?", f"“{word}” can be {'an' if sense.pos[0] == 'a' else 'a'} {sense.pos}.")
    )
    questions += [("Use “{}” in a sentence.", example) for example in sense.examples[:1]] * 2
    if len(sense.lemmas) > 1:
        questions.append(("Give another word for “{}”.", sense.lemmas[1]))
    ask, answer = rng.choice(questions)
    if rng.random() < 0.15:
        return _exchange(f"Which word means: {sense.definition}?", word)
    return _exchange(ask.format(word), answer[0].upper() + answer[1:] + ("" if answer[-1] in ".!?" else "."))


GENERATORS: tuple[tuple[Callable[[random.Random], Turns], int], ...] = (
    (small_talk, 3), (recall, 3), (word_problem, 8), (arithmetic, 3), (note_to_json, 8), (reading_comprehension, 3), (how_to, 2),
    (tell_story, 2), (grouping, 3), (string_tasks, 4), (sentiment, 2), (tool_call, 1),
)  # fmt: skip


def conversation(rng: random.Random, senses: list[Sense]) -> Turns:
    """Generate one document: an optional system message and one to eight exchanges."""
    generators, weights = zip(*GENERATORS, strict=True)
    turns: Turns = [("system", expand(rng, rng.choice(SYSTEM), draw_roles(rng)))] if rng.random() < 0.2 else []
    for _ in range(1 if rng.random() < 0.6 else rng.randint(2, 8)):
        if senses and rng.random() < 0.2:
            turns += word_meaning(rng, senses)
        else:
            turns += rng.choices(generators, weights)[0](rng)
    return turns
