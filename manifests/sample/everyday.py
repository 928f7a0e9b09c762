"""Pages without mathematics that are put together from parts: recipes, products, league tables."""

from random import Random

from manifests.sample.article import Article

_VEGETABLES = ("leek", "pumpkin", "fennel", "carrot", "celeriac", "spinach", "beetroot", "parsnip", "cabbage", "lentil")
_FORMS = ("soup", "tart", "gratin", "stew", "salad", "dumplings", "pie", "risotto")
_EXTRAS = (
    "walnuts",
    "goat cheese",
    "chives",
    "toasted seeds",
    "lemon zest",
    "crème fraîche",
    "mustard",
    "dried apricots",
)
_STORIES = (
    "This dish saved us on a rainy evening when the shops were closed.",
    "My grandmother made it on washing days, because it cooks without supervision.",
    "A neighbour brought it to our door when we moved in; we asked for the recipe at once.",
    "It tastes even better on the second day, if anything is left.",
    "I have changed almost everything about the original, except the name.",
    "Children like it, provided that you cut the vegetables small enough to be forgotten.",
    "We first ate this at a mountain inn, standing, with wet boots.",
    "The smell alone brings everybody into the kitchen.",
)
_STEPS = (
    "Wash and trim the vegetables and cut them into pieces of about the size of a walnut.",
    "Chop the onion finely and let it soften in butter over a low heat; do not let it brown.",
    "Heat the oven to 190 degrees and butter a shallow dish.",
    "Toast the seeds in a dry pan and keep an eye on them, they burn quickly.",
    "Cook the rice in the same pan so that it takes up the flavour.",
    "Add a glass of white wine and wait until it has almost disappeared.",
    "Pour in the stock, cover and simmer until everything is tender.",
    "Mash a third of the pot with a fork to thicken it without flour.",
    "Season with salt, pepper and a little nutmeg, and taste again after five minutes.",
    "Fold in the cheese away from the heat so that it does not become stringy.",
    "Bake for half an hour until the edges are brown and the middle still trembles.",
    "Let it rest for ten minutes; it will be easier to cut.",
)
_TIPS = (
    "Leftovers freeze well in small boxes.",
    "Instead of butter you can use a mild oil.",
    "With a green salad this serves four as a main course.",
    "If you have no stock, the water from cooking potatoes will do.",
    "Do not add the herbs before the end.",
)


def recipe(number: int) -> Article:
    """A recipe; the dish depends on the number."""
    random = Random(f"recipe/{number}")
    vegetable, form = _VEGETABLES[number % len(_VEGETABLES)], _FORMS[number % len(_FORMS)]
    extra = random.choice(_EXTRAS)
    steps = "\n".join(
        f"{i}. {step}" for i, step in enumerate(sorted(random.sample(_STEPS, 6), key=_STEPS.index), start=1)
    )
    items = [f"{random.randint(2, 9) * 100} g {vegetable}", f"{random.randint(1, 3)} onions", "40 g butter", extra]
    items += [f"{random.randint(1, 2)} l vegetable stock", "salt and pepper", "a pinch of nutmeg"]
    listed = "\n".join(f"- {item}" for item in items)
    stories = " ".join(random.sample(_STORIES, 2))
    text = f"{stories}\n\n## Ingredients\n{listed}\n\n## Method\n{steps}\n\n## Tip\n{random.choice(_TIPS)}"
    title = f"{vegetable.capitalize()} {form} with {extra}"
    return Article(
        title.lower().replace(" ", "-").replace("è", "e").replace("î", "i"), title, text, kind="recipe", math=False
    )


_THINGS = (
    ("Ash-handled garden fork", "Four forged tines and a handle of ash that will outlive the compost heap"),
    ("Cast iron skillet", "Poured in sand, seasoned twice, heavy enough to keep its heat"),
    ("Folding pruning saw", "Bites on the pull stroke and folds into the pocket of your apron"),
    ("Linen apron", "Washed linen with crossed straps that do not pull at the neck"),
    ("Beech chopping board", "End grain, oiled by hand, kind to your knives"),
    ("Copper watering can", "A long spout, a fine rose and a balance that spares the wrist"),
    ("Wool blanket", "Woven in a mill by the river from the wool of upland sheep"),
    ("Bench vice", "Ground jaws that meet exactly and a screw that never slips"),
    ("Enamel coffee pot", "For stove and camp fire, with a lid that stays on when you pour"),
    ("Oilskin rucksack", "Waxed cotton, brass buckles, a pocket for a flask"),
    ("Marking gauge", "A wheel cutter for a clean line across the grain"),
    ("Seed drawer", "Twelve little drawers with labels for the coming spring"),
    ("Storm lantern", "Burns a whole night on one filling and laughs at the wind"),
    ("Shaker broom", "Flat, stitched by hand, made to get into corners"),
)
_FEATURES = (
    "Made in small batches, so the grain and the colour vary a little.",
    "Repairs are free during the first ten years.",
    "Delivered in cardboard without plastic.",
    "Spare parts are listed at the bottom of this page.",
    "Tested by our own staff in two muddy winters.",
    "Please dry it by hand after use.",
    "Left-handed version on request.",
    "A good present for people who already have everything but use little of it.",
    "The maker's mark is burned in on the underside.",
    "Not suitable for the dishwasher.",
)
_REVIEWS = (
    "Bought the second one because my brother keeps the first.",
    "Arrived a day late but well packed.",
    "Heavier than I thought, which turned out to be the point.",
    "The picture shows a darker shade.",
    "Does what it should. I have nothing to add.",
    "After a year it looks better than new.",
)


def product(number: int) -> Article:
    """A product of the shop."""
    random = Random(f"product/{number}")
    name, claim = _THINGS[number % len(_THINGS)]
    price = f"{random.randint(12, 140)}.{random.choice(['00', '50', '90'])}"
    features = "\n".join(f"- {line}" for line in random.sample(_FEATURES, 4))
    sizes = (f"{random.randint(150, 4200)} g", f"{random.randint(18, 120)} cm", f"BW-{random.randint(1000, 9999)}")
    rows = "\n".join(f"| {label} | {size} |" for label, size in zip(("Weight", "Length", "Item"), sizes, strict=True))
    reviews = " ".join(f'"{line}"' for line in random.sample(_REVIEWS, 2))
    details = f"## Details\n| Property | Value |\n{rows}"
    text = f"{claim}. Price ¤{price}.\n\n{features}\n\n{details}\n\n## What customers say\n{reviews}"
    return Article(name.lower().replace(" ", "-"), name, text, kind="product", math=False, extra={"price": price})


_TOWNS = (
    "Fernley",
    "Oxmoor",
    "Brackwater",
    "Tilling",
    "Hazelby",
    "Stonecross",
    "Marlow End",
    "Ashgate",
    "Wickford",
    "Penhollow",
)
_CLUBS = ("Rovers", "Athletic", "United", "Harriers", "Wanderers", "Town")
_SCENES = (
    "The keeper had no chance with the low shot from the edge of the area.",
    "After the break the visitors pressed, and the crowd went quiet.",
    "A header from a corner decided the match with four minutes to go.",
    "Rain had turned the near side into a pond, and the ball stopped where it pleased.",
    "The referee waved play on, to the astonishment of everybody including the defender.",
    "A substitute scored with his first touch.",
    "Both benches spent the last ten minutes standing.",
)


def _table_row(place: int, team: str, row: list[int]) -> str:
    won, drawn, lost, scored, conceded, points = row
    return f"| {place} | {team} | {won + drawn + lost} | {won} | {drawn} | {lost} | {scored}:{conceded} | {points} |"


def league(number: int) -> Article:
    """A league table, computed from results, with a short report."""
    random = Random(f"league/{number}")
    teams = [f"{town} {random.choice(_CLUBS)}" for town in random.sample(_TOWNS, 6)]
    table = {team: [0, 0, 0, 0, 0, 0] for team in teams}  # won, drawn, lost, for, against, points
    results: list[str] = []
    for home in teams:
        for guest in teams:
            if home == guest:
                continue
            goals = (random.choice([0, 0, 1, 1, 2, 3]), random.choice([0, 0, 1, 1, 2]))
            for team, own, other in ((home, goals[0], goals[1]), (guest, goals[1], goals[0])):
                row = table[team]
                row[0 if own > other else 1 if own == other else 2] += 1
                row[3] += own
                row[4] += other
                row[5] += 3 if own > other else 1 if own == other else 0
            results.append(f"{home} {goals[0]}:{goals[1]} {guest}")
    ranked = sorted(teams, key=lambda team: (-table[team][5], table[team][4] - table[team][3], team))
    rows = "\n".join(_table_row(place, team, table[team]) for place, team in enumerate(ranked, start=1))
    last = "\n".join(f"- {line}" for line in random.sample(results, 5))
    scenes = " ".join(random.sample(_SCENES, 3))
    text = (
        f"{ranked[0]} finish the round on top of the table. {scenes}\n\n## Selected results\n{last}\n\n## Table\n"
        f"| # | Club | P | W | D | L | Goals | Pts |\n{rows}"
    )
    return Article(
        f"division-{number}", f"Division {number}: {ranked[0]} stay in front", text, kind="sports", math=False
    )
