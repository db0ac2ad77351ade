"""Notes and their JSON: classified fields (a wording stands for a value) and fields copied from the text.

No field, value or wording occurs in the demo's sample dataset: the corpus teaches the format, not the demo's task.
"""

# ruff: noqa: E501 - templates and word lists read better on one line

from __future__ import annotations

import json
import random

from tools.seedling.grammar import draw_roles, expand

# domain -> field -> value -> wordings; a note joins one wording per field, in any order
DOMAINS: dict[str, dict[str, dict[str, tuple[str, ...]]]] = {
    "weather": {
        "sky": {
            "clear": ("not a cloud to be seen", "the sun shines all day", "bright blue above us"),
            "rain": ("drops on every window", "we are soaked to the skin", "it pours without a break"),
            "snow": ("white flakes everywhere", "the hills are white", "children build a snowman"),
            "fog": ("we can hardly see the road", "grey mist over the fields", "the tower has vanished in the mist"),
        },
        "wind": {
            "calm": ("the flags hang still", "no leaf moves", "smoke rises straight up"),
            "strong": ("hats fly down the street", "the trees bend low", "the shutters bang"),
        },
    },
    "garden": {
        "plant": {
            "rose": ("the roses by the wall", "my climbing rose", "the thorny bush with red blooms"),
            "tomato": ("the tomatoes in the greenhouse", "our tomato plants", "the vines with little green fruits"),
            "lawn": ("the grass behind the house", "our lawn", "the green patch by the gate"),
            "hedge": ("the hedge along the path", "our boxwood hedge", "the green fence of bushes"),
        },
        "state": {
            "dry": ("needs a good drink", "is thirsty after the hot week", "has dusty soil"),
            "sick": ("has spots on every leaf", "looks pale and weak", "is covered in tiny flies"),
            "healthy": ("grows better than ever", "is a joy to look at", "has never been so strong"),
        },
    },
    "travel": {
        "vehicle": {
            "train": ("we took the rails", "the carriage was half empty", "from platform four we left"),
            "ship": ("we crossed by sea", "the deck was wet with spray", "from the pier we sailed"),
            "bike": ("we pedalled all the way", "our tyres were full of mud", "on two wheels we went"),
        },
        "mood": {
            "good": ("and sang the whole time", "and it was the best day of the year", "and nobody wanted to go home"),
            "bad": ("and nobody said a word", "and we quarrelled about the map", "and I would rather forget it"),
        },
    },
    "school": {
        "lesson": {
            "music": ("they practised the new song", "the drums were loud", "everyone tuned a violin"),
            "science": (
                "they looked through the microscope",
                "the magnet pulled the nails",
                "a volcano of soda bubbled",
            ),
            "art": ("they mixed bright paints", "clay was on every table", "each one drew a face"),
            "sport": ("they ran two laps", "the ball went over the fence", "both teams won a game"),
        },
        "noise": {
            "low": ("you could hear a pin drop", "all whispered", "it was as quiet as a church"),
            "high": ("you could hear them in the street", "all shouted at once", "the windows shook"),
        },
    },
    "animals": {
        "kind": {
            "dog": ("the puppy barks", "our old hound rests", "she wags her tail"),
            "cat": ("the kitten purrs", "he sharpens his claws", "our mouser naps"),
            "bird": ("the parrot whistles", "he ruffles his feathers", "our canary sings"),
            "fish": ("the goldfish glides", "she flicks her fins", "our carp swims in rings"),
        },
        "place": {
            "indoors": ("beside the stove", "in the hallway", "under the kitchen table"),
            "outdoors": ("below the old tree", "in the back yard", "out in the sunshine"),
        },
        "hour": {
            "day": ("at noon", "after breakfast", "before lunch"),
            "night": ("after dark", "at midnight", "under the moon"),
        },
    },
    "meals": {
        "dish": {
            "soup": ("a bowl of hot broth", "the leek soup", "something to spoon up"),
            "salad": ("a plate of crisp leaves", "the tomato salad", "something fresh and raw"),
            "cake": ("a slice with icing", "the plum cake", "something sweet from the oven"),
        },
        "taste": {
            "salty": ("with far too much salt", "as salty as the sea", "and I drank three glasses of water after it"),
            "bland": ("without any spice", "that tasted of nothing", "as dull as cardboard"),
            "delicious": ("that I will dream about", "and everyone asked for more", "cooked to perfection"),
        },
    },
}
PROMPTS = (
    "Write this note as JSON: {}", "{}\nAs JSON, please.", "Turn it into a record: {}", "{}", "Note: {}", "JSON for: {}",
    "Put the facts of this note in JSON.\n{}", "Sort this: {}",
)  # fmt: skip


def compact_json(record: dict[str, object]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def classify_note(rng: random.Random) -> tuple[str, str]:
    """Return a note and its JSON; one wording in the note determines each field's value."""
    domain = rng.choice(list(DOMAINS))
    record: dict[str, object] = {}
    parts = []
    for field, values in DOMAINS[domain].items():
        record[field] = value = rng.choice(list(values))
        parts.append(rng.choice(values[str(value)]))
    if domain not in {"garden", "travel", "meals", "animals"} and rng.random() < 0.5:
        parts.reverse()
    separator = ", " if domain in {"weather", "school"} else " "
    note = expand(rng, separator.join(parts) + rng.choice([".", ".", "!", ""]))
    return rng.choice(PROMPTS).format(note), compact_json(record)


# sentence -> field -> the role whose word is copied
COPY_TEMPLATES: tuple[tuple[str, dict[str, str]], ...] = (
    ("{A} [meets|will meet|sees] {B} on {DAY} at the {PLACE}.", {"who": "A", "day": "DAY", "where": "PLACE"}),
    ("The {JOB} from {TOWN} has a {COLOUR} {THING}.", {"person": "JOB", "item": "THING", "colour": "COLOUR"}),
    ("{A} lives in {TOWN} and keeps a {ANIMAL}.", {"name": "A", "town": "TOWN", "pet": "ANIMAL"}),
    ("On {DAY} {A} lost a {COLOUR} {THING}.", {"item": "THING", "colour": "COLOUR", "day": "DAY"}),
    ("[Bring|Order|Please buy] COUNT pieces of {FOOD} for {A}.", {"food": "FOOD", "for": "A"}),
)


def extract_fields(rng: random.Random) -> tuple[str, str]:
    """Return a sentence and the JSON of words copied from it."""
    roles, count = draw_roles(rng), rng.randint(2, 60)
    sentence, fields = rng.choice(COPY_TEMPLATES)
    record: dict[str, object] = {field: roles[role] for field, role in fields.items()}
    if "COUNT" in sentence:
        record["count"] = count
    return rng.choice(PROMPTS).format(expand(rng, sentence.replace("COUNT", str(count)), roles)), compact_json(record)
