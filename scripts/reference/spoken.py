"""The text form of a strategy: writes a JSON tree as text, in one of the many ways there are.

A printer, not a parser: the engine reads the text, the reference evaluates the tree, and both must mean
the same. From loose to tight: or, and, not, one comparison, + -, * /, unary -.
"""

import copy

from strategy import CLOCKS, COMPARE, OF_CANDLES, OF_COLUMN, PRICES

OR, AND, NOT, COMPARISON, SUM, PRODUCT, ATOM = range(7)
SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
FOLDED = {"+": (SUM, " + "), "-": (SUM, " - "), "*": (PRODUCT, " * "), "/": (PRODUCT, " / ")}
# Where a request has nodes, beside its signals.
LEVELS = ("distance", "level", "limit", "cancelIf")


def spoken(rng, request):
    """The request with about half of its nodes as text."""
    request = copy.deepcopy(request)
    config = request["universalConfig"]
    for signals in filter(None, [config["strategy"].get("signals")]):
        for side, node in signals.items():
            signals[side] = told(rng, node, is_condition=True)
    for group in ("moneyManagement", "risk"):
        levels(rng, config.get(group, {}))
    return request


def levels(rng, group):
    for key, value in group.items() if isinstance(group, dict) else enumerate(group):
        is_node = key in LEVELS or key == "stop" and "entry" not in group and "expireCandles" in group
        if is_node:
            group[key] = told(rng, value, key == "cancelIf")
        elif isinstance(value, (dict, list)):
            levels(rng, value)


def told(rng, node, is_condition=False):
    """A node as text, as a tree, or as a tree with texts in it."""
    kind = rng.random()
    if kind < 0.5:
        return write(rng, node, OR)
    if kind < 0.8 and isinstance(node, dict):
        (name, args), = node.items()
        if name in ("all", "any"):
            return {name: [told(rng, part, True) for part in args]}
        if name in (*COMPARE, "+", "*") and "lastExitReason" not in args:
            return {name: [told(rng, part) for part in args]}
    return node


def write(rng, node, power):
    """`node` as text for a place that binds as `power` does."""
    text, own = plain(rng, node)
    return f"({text})" if own < power or rng.random() < 0.1 else text


def plain(rng, node):
    """The text of `node`, and how tight it binds."""
    if isinstance(node, bool):
        return str(node).lower(), ATOM
    if isinstance(node, (int, float)):
        return repr(node), PRODUCT if node < 0 else ATOM
    if isinstance(node, str):
        return node, ATOM
    (name, args), = node.items()
    if name in COMPARE:
        left, right = (write(rng, arg, SUM) for arg in args)
        return f"{left} {SIGNS[name]} {right}", COMPARISON
    if name in ("all", "any"):
        power, word = (AND, " and ") if name == "all" else (OR, " or ")
        args = args if isinstance(args, list) else [args]
        return word.join(write(rng, arg, power + 1) for arg in args), power if len(args) > 1 else OR
    if name == "not":
        return f"not {write(rng, args, NOT)}", NOT
    if name in FOLDED:
        power, sign = FOLDED[name]
        first, *rest = args
        return sign.join([write(rng, first, power), *(write(rng, arg, power + 1) for arg in rest)]), power
    return call(rng, name, args), ATOM


def call(rng, name, args):
    if isinstance(args, list):
        return f"{name}({', '.join(write(rng, arg, OR) for arg in args)})"
    if not isinstance(args, dict) or set(args) & set(SIGNS) or name in ("abs", "barsSince", "is"):
        return f"{name}({write(rng, args, OR)})"
    args = dict(args)
    output = args.pop("output", None)
    order = [key for key in ("of", *OF_COLUMN.get(name, OF_CANDLES.get(name, ()))) if key in args]
    # Those that come first may stand without their names.
    bare = rng.randint(0, len(order))
    if "of" in args and bare < len(order) and rng.random() < 0.5:
        bare = len(order)
    words = {key: value for key, value in args.items() if key not in order[:bare]}
    parts = [write(rng, args[key], OR) for key in order[:bare]]
    parts += [f"{key}: {value(rng, key, given)}" for key, given in words.items()]
    is_known = name in PRICES or name in CLOCKS
    text = name if is_known and not parts else f"{name}({', '.join(parts)})"
    return f"{text}.{output}" if output else text


def value(rng, key, given):
    if key in ("tz", "ticker"):
        return f'"{given}"'
    return given if key in ("tf", "role", "state") else write(rng, given, OR)
