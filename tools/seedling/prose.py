"""Prose: stories, how-tos, descriptions, letters, diaries, lists and dictionary pages."""

# ruff: noqa: E501 - templates and word lists read better on one line

from __future__ import annotations

import random
from collections.abc import Callable

from tools.seedling.grammar import Roles, draw_roles, expand
from tools.seedling.vocabulary import GROUPS
from tools.seedling.wordnet import Sense

OPENINGS = (
    "{A} was a {adjective} {JOB} who lived near the {PLACE} in {TOWN}.",
    "[Once|long ago|one {season}], a {JOB} named {A} kept a {adjective} {ANIMAL} in the {PLACE}.",
    "on {DAY} {time} {A} went to the {PLACE} to look for a {THING}.",
    "it was a {weather} {time} when {A} first saw the {COLOUR} {THING}.",
    "{A} and {A_his} {relative} had a {adjective} {ANIMAL} that [loved|hated|wanted] {FOOD}.",
    "nobody in {TOWN} knew why the {JOB} always carried a {COLOUR} {THING}.",
    "the {PLACE} of {TOWN} was [quiet|empty|full of people] that {season}, and {A} felt {feeling}.",
)
TROUBLES = (
    "one day the {THING} was gone.",
    "[but|then] the {ANIMAL} ran into the {PLACE} and did not come back.",
    "then {B}, the {JOB}'s {relative}, came with bad news: there was no more {FOOD}.",
    "a {adjective} {vehicle} had stopped in front of the {PLACE}, and nobody was inside.",
    "in the {time} a {weather} wind broke the {adjective} {THING} into pieces.",
    "{A} had promised {B} a {COLOUR} {THING}, but {A_he} had forgotten it.",
    "there was only one problem: the {ANIMAL} had eaten all the {FOOD}.",
)
DEEDS = (
    "{A} looked [under the {thing}|behind the {plant}|in every {thing}], but found nothing.",
    "{A_he} asked {B} for help, and {B} came {adverb}.",
    "together they walked to the {place} and {adverb} opened the {thing}.",
    "“[Do not worry|wait|listen|come with me],” said {B}. “I [know|remember] what to do.”",
    "“Have you seen my {THING}?” asked {A}. “No,” said {B}, “but I heard something near the {place}.”",
    "{B} gave {A_him} a {adjective} {thing} and told {A_him} to wait until {time}.",
    "{A_he} felt {feeling}, but {A_he} did not [stop|cry|turn back|give up].",
    "a {adjective} {animal} sat on the {thing} and looked at them {adverb}.",
    "they shared some {food} and talked about {hobby} and {subject}.",
    "{A} took the {vehicle} to {town} and came back before {time}.",
    "the {job} laughed and showed them a {colour} {thing} made of {material}.",
    "so {A} {adverb} made a plan: first the {thing}, then the {thing}.",
)
ENDINGS = (
    "in the end the {THING} was [in the {place}|under a {plant}|where it had always been], and {A} felt {feeling}.",
    "from that day on, {A} and {B} were good friends.",
    "that {time} they all ate {FOOD} and [sang|laughed|told stories] until they were sleepy.",
    "the {ANIMAL} came home by itself, {adjective} and {feeling}.",
    "{A} never forgot that {weather} {time} in {TOWN}.",
    "“Next time,” said {A}, “I will ask you first.” And {B} smiled.",
    "and the {COLOUR} {THING} still stands in the {PLACE} today.",
)


def story_about(rng: random.Random, roles: Roles) -> str:
    """Generate a story of five to nine sentences about `roles`."""
    deeds = rng.sample(DEEDS, rng.randint(2, 6))
    plan = [rng.choice(OPENINGS), rng.choice(TROUBLES), *deeds, rng.choice(ENDINGS)]
    return " ".join(expand(rng, sentence, roles) for sentence in plan)


def story(rng: random.Random) -> str:
    return story_about(rng, draw_roles(rng))


TASKS: dict[str, tuple[str, ...]] = {
    "bake bread": ("Mix flour, water, salt and yeast", "knead the dough for ten minutes", "let it rise for an hour",
                   "shape a loaf", "heat the oven", "bake until the crust is brown", "let it cool on a rack"),
    "plant a tree": ("Choose a sunny spot", "dig a wide hole", "loosen the roots", "set the tree straight",
                     "fill the hole with soil", "water it well", "tie it to a stake"),
    "clean a bicycle": ("Rinse off the mud", "brush the chain", "wash the frame with soap", "dry it with a cloth",
                        "oil the chain", "check the brakes", "pump up the tyres"),
    "make tea": ("Boil fresh water", "warm the pot", "add the leaves", "pour the water", "wait four minutes",
                 "strain it into a cup", "add milk or honey"),
    "paint a wall": ("Move the furniture away", "cover the floor", "fill small holes", "sand the wall smooth",
                     "stir the paint", "paint the edges first", "roll the rest in long strokes"),
    "write a letter": ("Put the date at the top", "greet the reader", "say why you write", "tell your news",
                       "ask a question", "thank the reader", "sign your name"),
    "pack a bag": ("Make a list", "lay everything out", "roll the clothes", "put heavy things at the bottom",
                   "keep the tickets at hand", "close all bottles tightly", "leave a little space"),
    "learn a song": ("Listen to it twice", "read the words aloud", "clap the rhythm", "sing the first verse slowly",
                     "repeat the hard parts", "sing it from memory", "sing it to a friend"),
    "mend a sock": ("Find wool of the same colour", "thread a needle", "put the sock over a ball",
                    "sew lines across the hole", "weave back the other way", "fasten the end", "cut the thread"),
    "cook soup": ("Chop onions and carrots", "fry them in butter", "add water and salt", "put in potatoes",
                  "let it simmer for half an hour", "taste it", "serve it with bread"),
    "train a dog": ("Choose a quiet place", "hold a treat in your hand", "say the word once", "wait for the dog to act",
                    "praise it at once", "repeat it five times", "stop while it is still fun"),
    "fix a leak": ("Turn off the water", "open the pipe", "take out the worn ring", "clean the thread",
                   "put in a new ring", "tighten the nut", "turn the water on and look for drops"),
}  # fmt: skip


def steps(rng: random.Random, task: str) -> str:
    """Return three to seven steps of the task in order, numbered, as bullets or as running text."""
    known = TASKS[task]
    chosen = [known[i] for i in sorted(rng.sample(range(len(known)), rng.randint(3, len(known))))]
    chosen = [step[0].upper() + step[1:] for step in chosen]
    style = rng.randrange(3)
    if style == 0:
        return "\n".join(f"{number}. {step}." for number, step in enumerate(chosen, 1))
    if style == 1:
        return "\n".join(f"- {step}" for step in chosen)
    links = ["First, ", *rng.choices(["Then ", "Next, ", "After that, ", "Now "], k=len(chosen) - 2), "Finally, "]
    return " ".join(link + step[0].lower() + step[1:] + "." for link, step in zip(links, chosen, strict=True))


def how_to(rng: random.Random) -> str:
    task = rng.choice(list(TASKS))
    return f"{rng.choice(['How to ', 'The way to '])}{task}\n\n{steps(rng, task)}"


def description(rng: random.Random) -> str:
    return expand(
        rng,
        "[This|my favourite|the old|{A}'s] {THING} is {size} and {colour}. It is made of {material} and [feels|looks] "
        "{adjective}. [{A_he} bought it in {TOWN} from a {job}.|it once belonged to a {job} from {country}.] "
        "[it stands in the {place} next to a {thing}.|people use it in {season} when it is {weather}.] "
        "[a {adjective} {animal} likes to sleep beside it.|it is worth more than a {vehicle}.|nobody knows who made it.]",
        draw_roles(rng),
    )


def letter(rng: random.Random) -> str:
    return expand(
        rng,
        "[Dear|hello|hi] {B},\n\n[Thank you for the {thing}.|how are you?|I hope you are well in {TOWN}.] "
        "[we have had {weather} weather since {day}.|yesterday I met a {job} who sells {colour} {thing}s.|my {relative} "
        "now has a {adjective} {animal}.] [I spend my time with {hobby} and {hobby}.|in {month} I want to visit {country}."
        "|at the {place} they now have {food}.] [Would you like to come on {day}?|please write soon.|can you bring the "
        "{thing}?]\n\n[Best wishes|yours|love|see you soon],\n{A}",
        draw_roles(rng),
    )


def diary(rng: random.Random) -> str:
    return expand(
        rng,
        "{DAY}, {month} [3|7|12|16|21|28]. [A {weather} day.|it was {weather} all {time}.] I [got up at dawn|slept too "
        "long|woke before the others] and [went to the {place}|helped the {job}|did some {hobby}]. [we had {food} and "
        "{food}.|I saw a {animal} near the {place}.|{A} told me about {country}.] [now I am {feeling}.|tomorrow I want to "
        "{verb} the {thing}.|I hope for {weather} weather.]",
        draw_roles(rng),
    )


def listing(rng: random.Random) -> str:
    group = rng.choice(list(GROUPS))
    items = rng.sample(GROUPS[group], rng.randint(3, 9))
    sign = rng.choice(["- ", "* ", ""])
    return f"{rng.choice(['A list', 'Names', 'Examples'])}: {group}\n" + "\n".join(sign + item for item in items)


def facts(rng: random.Random) -> str:
    group, other = rng.sample(list(GROUPS), 2)
    one, two, odd = *rng.sample(GROUPS[group], 2), rng.choice(GROUPS[other])
    return expand(
        rng,
        f"a {one} is a {group}. A {two} is a {group} too, but a {odd} is a {other}. "
        f"[So a {one} and a {two} belong together.|that is why the {odd} is the odd one out.]",
    )


def dictionary_page(rng: random.Random, senses: list[Sense]) -> str:
    """Generate a dictionary page of four to sixteen entries; its length adds long documents to the corpus."""
    entries = []
    for sense in rng.sample(senses, rng.randint(4, 16)):
        line = f"{sense.lemmas[0]} ({sense.pos}): {sense.definition}."
        entries.append(line + "".join(f" “{example}”" for example in sense.examples[:2]))
    return "\n".join(entries)


def example_paragraph(rng: random.Random, senses: list[Sense]) -> str:
    """Join four to twelve unrelated example sentences of WordNet."""
    chosen = [example for sense in rng.sample(senses, 24) for example in sense.examples if len(example) > 20]
    return " ".join(text[0].upper() + text[1:].rstrip(".!?") + "." for text in chosen[: rng.randint(4, 12)])


GENERATORS: tuple[tuple[Callable[[random.Random], str], int], ...] = (
    (story, 5), (how_to, 1), (description, 2), (letter, 2), (diary, 2), (listing, 1), (facts, 1),
)  # fmt: skip
