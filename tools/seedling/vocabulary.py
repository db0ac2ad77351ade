"""Word lists for the text generators, written for Anneal so that the corpus carries no foreign license."""

# ruff: noqa: E501 - templates and word lists read better on one line

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("\n", " ").split(",") if part.strip())


WOMEN = _words(
    "Ada, Anna, Bella, Carla, Chloe, Dina, Elena, Emma, Farah, Grace, Hana, Helen, Ines, Iris, Jana, Julia, Kira, "
    "Laila, Leah, Lucy, Maya, Mina, Nadia, Nora, Olga, Paula, Priya, Rosa, Ruth, Sara, Sofia, Tara, Uma, Vera, Wendy, "
    "Yara, Zoe, Amina, Brigid, Celine, Dolores, Esther, Fiona, Greta, Hazel, Ingrid, Joan, Karin, Lena, Mei"
)
MEN = _words(
    "Adam, Amir, Ben, Boris, Carlos, Dan, David, Eli, Emil, Felix, Finn, George, Hugo, Ivan, Jack, Jonas, Karl, Kofi, "
    "Leo, Liam, Marco, Max, Nils, Noah, Omar, Oscar, Paul, Pedro, Ravi, Rob, Sam, Simon, Tariq, Theo, Tom, Victor, "
    "Walter, Yusuf, Zane, Abel, Bruno, Cedric, Dmitri, Edgar, Frank, Gustav, Henry, Ian, Joel, Kenji"
)
LISTS: dict[str, tuple[str, ...]] = {
    "animal": _words(
        "cat, dog, horse, goat, duck, hen, rabbit, mouse, fox, owl, crow, bee, frog, turtle, sheep, cow, pig, donkey, "
        "squirrel, bear, wolf, deer, otter, swan, goose, parrot, lizard, hedgehog, pony, robin, seal, whale, camel"
    ),
    "colour": _words(
        "red, blue, green, yellow, black, white, brown, grey, orange, purple, pink, silver, golden, dark blue, pale green"
    ),
    "size": _words("small, large, tiny, huge, tall, short, wide, narrow, long, little, big"),
    "material": _words("wood, glass, steel, stone, paper, cotton, wool, clay, leather, brass, plastic, silk, iron"),
    "thing": _words(
        "lamp, chair, kettle, bicycle, umbrella, ladder, basket, clock, mirror, drum, kite, boat, hammer, blanket, "
        "bottle, camera, candle, compass, notebook, piano, rope, suitcase, telescope, violin, wheel, whistle, box, key, "
        "map, coat, cup, plate, shovel, bucket, radio, pencil, book, coin, ring, bell, hat, scarf, table, tent, ball"
    ),
    "place": _words(
        "market, library, harbour, garden, school, station, museum, bakery, forest, beach, village, kitchen, farmhouse, "
        "park, bridge, river, castle, theatre, workshop, mountain, island, valley, office, square, cellar, attic, meadow, "
        "lighthouse, orchard, pond, church, cafe, gym, hotel, yard, street, hospital, mill, tower"
    ),
    "food": _words(
        "bread, soup, rice, cheese, apples, pears, plums, carrots, beans, potatoes, eggs, butter, honey, jam, noodles, "
        "fish, salad, cake, biscuits, pancakes, grapes, cherries, onions, tomatoes, lentils, porridge, pie, tea, milk"
    ),
    "countable": _words(
        "apples, pears, plums, marbles, stickers, books, pencils, coins, stamps, shells, buttons, cards, cookies, "
        "muffins, tickets, eggs, flowers, seeds, bricks, candles, bottles, balloons, beads, carrots, oranges, peaches, "
        "ribbons, stones, toys, photos, letters, chairs, cups, plates, boxes, bags, pies, sandwiches, pages, tiles"
    ),
    "job": _words(
        "baker, teacher, farmer, doctor, sailor, painter, nurse, gardener, carpenter, pilot, cook, driver, tailor, "
        "librarian, musician, fisherman, mechanic, engineer, writer, potter, plumber, shepherd, clockmaker, guard"
    ),
    "weather": _words("sunny, rainy, windy, foggy, snowy, cloudy, stormy, warm, cold, hot, mild, frosty, dry, humid"),
    "feeling": _words(
        "happy, sad, tired, proud, worried, calm, curious, lonely, excited, hungry, angry, surprised, nervous, grateful, "
        "bored, hopeful, shy, cheerful, jealous, sleepy"
    ),
    "adjective": _words(
        "old, new, strange, quiet, bright, heavy, gentle, broken, clever, simple, rusty, soft, sharp, clean, dusty, "
        "warm, empty, plain, narrow, careful, honest, famous, patient, rough, smooth, hidden, wild, busy, young, brave"
    ),
    "adverb": _words(
        "slowly, quickly, quietly, carefully, gladly, suddenly, softly, bravely, politely, happily, sadly, firmly, "
        "patiently, at once, without a word, with a smile, in a hurry, as usual"
    ),
    "day": _words("Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday"),
    "month": _words("January, February, March, April, May, June, July, August, September, October, November, December"),
    "time": _words("morning, afternoon, evening, night, noon, midnight, dawn, dusk"),
    "season": _words("spring, summer, autumn, winter"),
    "country": _words(
        "France, Spain, Italy, Japan, Kenya, Peru, Canada, Egypt, India, Norway, Brazil, Greece, Poland, Mexico, Turkey, "
        "Ireland, Chile, Vietnam, Ghana, Iceland"
    ),
    "town": _words(
        "Alder, Brookfield, Corrin, Dunmore, Eastwick, Fernhill, Glenford, Hartwell, Ilford, Kestrel, Larkham, Milton, "
        "Northgate, Oakley, Penrose, Quarry Hill, Redbank, Stonebridge, Thornton, Westport"
    ),
    "relative": _words(
        "mother, father, sister, brother, aunt, uncle, cousin, grandmother, grandfather, neighbour, friend"
    ),
    "hobby": _words(
        "reading, swimming, painting, chess, cooking, hiking, singing, fishing, cycling, dancing, gardening, running, "
        "knitting, photography, pottery, football, tennis, drawing"
    ),
    "subject": _words("history, music, science, art, geography, maths, biology, poetry, physics, drama, spelling"),
    "vehicle": _words("bus, train, boat, car, bicycle, tram, plane, truck, cart, ferry, van"),
    "plant": _words(
        "rose, oak, fern, tulip, pine, daisy, ivy, willow, lily, moss, sunflower, apple tree, vine, cactus"
    ),
    "body": _words("hand, foot, eye, ear, nose, knee, shoulder, back, arm, head, finger, mouth"),
    "verb": _words(
        "carry, paint, mend, hide, find, wash, draw, lift, sell, buy, build, open, close, clean, move, break, borrow, "
        "follow, watch, count, throw, catch, keep, share, choose, visit, bring, fix, measure, fold"
    ),
}
PAST = {
    "walk": "walked", "carry": "carried", "paint": "painted", "find": "found", "wash": "washed", "draw": "drew",
    "lift": "lifted", "sell": "sold", "buy": "bought", "build": "built", "open": "opened", "clean": "cleaned",
    "break": "broke", "follow": "followed", "watch": "watched", "count": "counted", "throw": "threw",
    "catch": "caught", "keep": "kept", "choose": "chose", "bring": "brought", "go": "went", "see": "saw",
    "eat": "ate", "write": "wrote", "sing": "sang", "run": "ran", "take": "took", "give": "gave", "sleep": "slept",
}  # fmt: skip
GROUPS: dict[str, tuple[str, ...]] = {
    "fruit": _words("apple, pear, plum, cherry, grape, lemon, peach, melon, fig, mango, banana, orange"),
    "vegetable": _words("carrot, onion, leek, potato, cabbage, spinach, bean, pea, turnip, radish, beetroot, celery"),
    "animal": _words("horse, rabbit, tiger, sheep, otter, camel, monkey, badger, lion, goat, zebra, donkey"),
    "bird": _words("robin, eagle, swan, crow, owl, sparrow, gull, heron, parrot, finch, stork, duck"),
    "tool": _words("hammer, saw, spanner, drill, chisel, rake, spade, pliers, axe, file, screwdriver, shovel"),
    "instrument": _words("violin, drum, flute, piano, harp, trumpet, guitar, cello, organ, whistle, tuba, banjo"),
    "colour": _words("red, blue, green, yellow, purple, orange, brown, grey, black, white, pink, silver"),
    "vehicle": _words("bus, train, tram, bicycle, ferry, lorry, plane, canoe, van, scooter, tractor, car"),
    "piece of clothing": _words("coat, scarf, hat, sock, shirt, glove, skirt, boot, belt, jacket, dress, jumper"),
    "piece of furniture": _words(
        "table, chair, shelf, bed, stool, desk, bench, cupboard, sofa, wardrobe, dresser, cot"
    ),
}
