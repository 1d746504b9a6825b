"""Things said to a voice assistant, with their intent and their slots, made by a small grammar."""

import re
from collections.abc import Sequence
from typing import Any, Final

from treadle.data.builtin.draw import Draw
from treadle.data.table import Table

_ROWS: Final = {"train": 2_000, "dev": 300, "test": 700}

# What an intent is said with. A name in braces is a slot, to be marked; a name in angle brackets is only replaced.
_SAYINGS: Final[dict[str, tuple[str, ...]]] = {
    "set_alarm": (
        "<ask> set an alarm for {time}",
        "<ask> set an alarm for {time} {day}",
        "<ask> wake me up at {time}",
        "<ask> wake me {day} at {time}",
        "i need to be up by {time} {day}",
        "alarm at {time}",
    ),
    "set_timer": (
        "<ask> set a timer for {duration}",
        "<ask> start a {duration} timer",
        "<ask> count down {duration}",
        "<ask> tell me when {duration} have passed",
        "timer {duration}",
    ),
    "play_music": (
        "<ask> play {artist}",
        "<ask> play some {genre}",
        "<ask> play some {genre} in the {room}",
        "<ask> put on something by {artist}",
        "<ask> put {artist} on in the {room}",
        "i want to hear {genre}",
        "i feel like listening to {artist}",
    ),
    "get_weather": (
        "what will the weather be like in {place} {day}",
        "what is the weather in {place}",
        "will it <weather> {day}",
        "will it <weather> in {place} {day}",
        "is it going to <weather> {day} at {time}",
        "how warm is it in {place}",
        "do i need an umbrella {day}",
        "<ask> tell me the forecast for {place}",
    ),
    "send_message": (
        "<ask> tell {contact} that {message}",
        "<ask> text {contact} {message}",
        "<ask> send {contact} a message saying {message}",
        "<ask> let {contact} know {message}",
        "message {contact} : {message}",
    ),
    "set_lights": (
        "<ask> turn <on or off> the lights in the {room}",
        "<ask> make the {room} lights {colour}",
        "<ask> turn the {room} {colour}",
        "<ask> dim the {room} to {level} percent",
        "lights <on or off> in the {room}",
        "it is too <brightness> in the {room}",
    ),
    "add_to_list": (
        "<ask> add {item} to my shopping list",
        "<ask> put {quantity} {item} on the list",
        "<ask> add {quantity} {item} and {item}",
        "we are out of {item}",
        "remember to buy {item} {day}",
        "i need {quantity} {item} from the shop",
    ),
    "navigate": (
        "<ask> take me to {place}",
        "<ask> find the fastest way to {place}",
        "<ask> drive to {place} by way of {place}",
        "how long does it take to get to {place}",
        "how far is {place} from {place}",
        "i have to be in {place} by {time}",
    ),
    "book_table": (
        "<ask> book a table for {people} at {time}",
        "<ask> book a {cuisine} restaurant in {place} {day}",
        "<ask> find a {cuisine} place for {people} {day} at {time}",
        "<ask> reserve a table for {people} in {place}",
        "we want to eat {cuisine} food {day} , there are {people} of us",
    ),
}

# What stands in a slot. Dev and test also use the last fifth of each list, which training never sees.
_SLOTS: Final[dict[str, tuple[str, ...]]] = {
    "time": (
        "<hour>",
        "<hour> <minute>",
        "<hour> o'clock",
        "<hour> <half of the day>",
        "half past <hour>",
        "quarter to <hour>",
        "<hour> <minute> <half of the day>",
        "noon",
        "<minute> past <hour>",
        "midnight",
    ),
    "day": (
        "today",
        "tomorrow",
        "on <weekday>",
        "next <weekday>",
        "this weekend",
        "<weekday> morning",
        "tonight",
        "the day after tomorrow",
        "on the <ordinal>",
        "in <number> days",
    ),
    "duration": (
        "<number> minutes",
        "<number> hours",
        "<minute> seconds",
        "<number> and a half minutes",
        "<number> hours and <minute> minutes",
    ),
    "artist": (
        *("the paper lanterns", "oda west", "seven rivers", "mira and the tides", "old harbour", "nils quill"),
        *("the blue hour", "glass orchard", "dr pepperwood", "velvet tram", "juno park", "the night bakers"),
        *("hollow pines", "lena ferro", "the slow clocks"),
    ),
    "genre": (
        *("jazz", "rock", "classical music", "folk", "hip hop", "country", "blues", "drum and bass", "piano music"),
        *("quiet guitar", "disco", "opera"),
    ),
    "room": (
        *("kitchen", "bedroom", "living room", "hall", "bathroom", "office", "garage", "dining room", "guest room"),
        *("attic", "cellar", "children 's room"),
    ),
    "place": (
        *("berlin", "new york", "the airport", "lisbon", "the old town", "oslo", "the station", "san diego", "cairo"),
        *("the city library", "kyoto", "my office", "lake garda", "home", "buenos aires", "the harbour", "cape town"),
        *("rome", "the north gate", "nairobi"),
    ),
    "contact": (
        *("anna", "my brother", "doctor klein", "mum", "joe", "the whole team", "priya", "uncle tom", "mister okafor"),
        *("my wife", "ling", "sofia and max", "the neighbours", "grandpa", "carlos"),
    ),
    "message": (
        *("i will be late", "dinner is ready", "happy birthday", "the meeting is at <hour>", "call me back"),
        *("i am on my way", "we need <item> for tonight", "i forgot my keys", "good luck <weekday>"),
        *("the train is <minute> minutes late", "see you in <place>", "the lights are still on", "thank you so much"),
        *("i am stuck in <place>", "it works now"),
    ),
    "colour": ("red", "blue", "warm white", "green", "purple", "dark orange", "yellow", "soft pink", "turquoise"),
    "level": ("<minute>", "five", "sixty", "seventy", "eighty five", "ninety"),
    "item": (
        *("milk", "bread", "olive oil", "apples", "coffee", "dish soap", "rice", "orange juice", "eggs", "flour"),
        *("toilet paper", "cheese", "red onions", "butter", "green tea", "dog food", "carrots", "tomatoes", "salt"),
        *("brown sugar",),
    ),
    "quantity": ("<number>", "<number> bottles of", "a kilo of", "<number> bags of", "a few", "half a pound of"),
    "people": ("<number>", "<number> people", "a party of <number>", "<number> adults", "<number> guests"),
    "cuisine": (
        *("italian", "thai", "indian", "mexican", "japanese", "greek", "korean", "south french", "turkish"),
        *("north african", "vietnamese", "persian"),
    ),
}

_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "ask": ("", "", "", "please", "can you", "could you please", "hey ,", "i would like you to", "would you"),
    "hour": ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    "minute": ("five", "ten", "fifteen", "twenty", "twenty five", "thirty", "thirty five", "forty", "fifty"),
    "half of the day": ("a m", "p m", "in the morning", "in the evening"),
    "weekday": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    "ordinal": (
        "first",
        "second",
        "third",
        "fifth",
        "eighth",
        "tenth",
        "twelfth",
        "fifteenth",
        "twentieth",
        "thirtieth",
    ),
    "number": ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve"),
    "weather": ("rain", "snow", "be sunny", "be windy", "freeze", "get warmer", "clear up"),
    "on or off": ("on", "off"),
    "brightness": ("dark", "bright"),
}

_NAME: Final = re.compile(r"\{(\w+)\}|<([\w ]+)>|([^\s{<]+)")


def commands(split: str) -> Table:
    """Columns `text`, `tokens`, `slots` (a tag a token) and `intent`; 2,000 rows train, 300 dev, 700 test.

    Tags are `B-time` at the first token of a slot, `I-time` inside it and `O` outside of all. The words between spaces
    are the tokens. No sentence comes twice, and a fifth of what can stand in a slot occurs in dev and test only.
    """
    draw = Draw(9)
    said: dict[str, tuple[list[str], str]] = {}
    intents = tuple(_SAYINGS)
    parts: dict[str, list[str]] = {}
    for name, count in _ROWS.items():
        parts[name] = []
        while len(parts[name]) < count:
            intent = draw.one(intents)
            tagged = _expand(draw.one(_SAYINGS[intent]), draw, everything=name != "train")
            text = " ".join(token for token, _ in tagged)
            if text not in said:
                said[text] = ([tag for _, tag in tagged], intent)
                parts[name].append(text)
    columns: dict[str, list[Any]] = {
        "text": parts[split],
        "tokens": [text.split() for text in parts[split]],
        "slots": [said[text][0] for text in parts[split]],
        "intent": [said[text][1] for text in parts[split]],
    }
    return Table(columns)


def _expand(pattern: str, draw: Draw, *, everything: bool) -> list[tuple[str, str]]:
    """The tokens of a pattern, its names replaced at random, each with its tag."""
    tagged: list[tuple[str, str]] = []
    for slot, part, word in _NAME.findall(pattern):
        if slot:
            inside = _expand(draw.one(_values(slot, everything)), draw, everything=everything)
            tagged += [(token, f"{'I' if place else 'B'}-{slot}") for place, (token, _) in enumerate(inside)]
        elif part:
            choices = _PARTS[part] if part in _PARTS else _values(part, everything)
            tagged += _expand(draw.one(choices), draw, everything=everything)
        else:
            tagged.append((word, "O"))
    return tagged


def _values(slot: str, everything: bool) -> Sequence[str]:
    """What can stand in a slot: everything, or what training may see."""
    values = _SLOTS[slot]
    return values if everything else values[: len(values) - len(values) // 5]
