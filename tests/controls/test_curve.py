"""Schedules: Deforum's notation, formulas, units, and what is refused."""

import math
import time
from fractions import Fraction

import numpy as np
import pytest

from dreamstream.controls.curve import Curve, Range
from dreamstream.controls.faults import marked
from dreamstream.controls.functions import noise
from dreamstream.controls.program import read_schedules
from dreamstream.controls.timeline import Timeline
from dreamstream.errors import FieldError

LINE = Timeline(Fraction(24), 121, seed=3, bpm=120)
ANY = Range(-1e9, 1e9)


def values(text: str, *positions: float, line: Timeline = LINE, range_: Range = ANY) -> list[float]:
    found = Curve("zoom", text, range_).bound(line).at(np.array(positions, np.float64))
    return [float(each) for each in found]


# --- Deforum's strings ---------------------------------------------------------------------------


def test_numbers_are_joined_by_straight_lines() -> None:
    assert values("0:(1.0), 60:(1.05)", 0, 30, 60, 90) == pytest.approx([1, 1.025, 1.05, 1.05])


def test_keys_may_stand_in_any_order_and_without_brackets() -> None:
    assert values("60: 2, 0: (1.0),", 30) == [1.5]


def test_a_formula_holds_until_the_next_key() -> None:
    text = "0:(t), 10:(5), 20:(t*2)"
    assert values(text, 0, 9, 10, 15, 20, 100) == pytest.approx([0, 9, 5, 5 + 0.5 * 35, 40, 200])


def test_before_the_first_key_its_value_holds() -> None:
    assert values("10:(4), 20:(5)", 0, 5, 10) == [4, 4, 4]


def test_keys_may_be_formulas() -> None:
    assert values("0:(0), (max_f/2):(1), max_f:(3)", 60, 90, 120) == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "at", "value"),
    [
        ("0:(where(t>5, min(1, 2), 3))", 6, 1),
        ("0:(where((t>=5)&(t<10), 1, 0))", 9, 1),
        ("0:(sin(2*3.14159265*t/60))", 15, 1),
        ("0:(1.02+0.02*sin(2*pi*t/30))", 0, 1.02),
        ("0:(t%10)", 25, 5),
        ("0:(-t**2)", 3, -9),
        ("0:(7//2)", 0, 3),
        ("0:(abs(cos(pi)))", 0, 1),
        ("0:(exp(0)+log(1)+sqrt(4)+floor(1.7)+ceil(0.2)+tan(0))", 0, 5),
        ("0:(clip(t, 2, 4))", 9, 4),
        ("0:(0 < t < 5)", 3, 1),
        ("0:(not (t == 3 or t != t))", 3, 0),
        ("0:(t > 1 and t < 5)", 3, 1),
        ("0:(s)", 0, 3),
        ("0:(max(1, 2, 3))", 0, 3),
        ("0:\n(1\n+\t1)", 0, 2),
        ("t/2", 8, 4),
        ("1.5", 8, 1.5),
        ("where(t < 1, 2, 3)", 4, 3),
        ("0:((((1))))", 0, 1),
        ("0:(sec)", 48, 2),
        (".5s:(1e-3)", 0, 0.001),
    ],
)
def test_a_formula_gives(text: str, at: float, value: float) -> None:
    assert values(text, at) == pytest.approx([value], abs=1e-6)


def test_a_comma_in_brackets_parts_no_keys() -> None:
    assert values("0:(where(t>2,1,0)), 10:(max(3,4))", 1, 3, 10) == [0, 1, 4]


# --- time ----------------------------------------------------------------------------------------


def test_keys_have_units() -> None:
    assert values("0:(0), 1s:(1), 36f:(2), 4b:(3)", 24, 36, 48) == [1, 2, 3]


@pytest.mark.parametrize("rate", [Fraction(12), Fraction(30000, 1001), Fraction(60)])
def test_in_seconds_another_rate_gives_the_same_film(rate: Fraction) -> None:
    text = "0:(1), 1s:(2), 2.5s:(sin(sec) + noise(2*sec)), 4b:(0.5)"
    curve, moments = Curve("zoom", text, ANY), np.array([0.0, 0.5, 1.7, 2.25, 2.75, 4.1])
    one, other = Timeline(Fraction(24), 200, 1, 60), Timeline(rate, 500, 1, 60)
    by_one = curve.bound(one).at(moments * 24)
    by_other = curve.bound(other).at(moments * float(rate))
    np.testing.assert_allclose(by_one, by_other, atol=5e-3)


def test_a_time_rounded_to_milliseconds_is_a_frames_own() -> None:
    line = Timeline(Fraction(30000, 1001), 100)
    times = np.round(np.arange(100) * 1001 / 30000, 3)
    assert line.positions(times).tolist() == list(range(100))
    assert line.positions(np.array([0.05])) == pytest.approx([0.05 * 30000 / 1001])


def test_without_a_length_there_is_no_max_f() -> None:
    with pytest.raises(FieldError, match=r"length of this input is unknown.*>>>max_f<<<"):
        values("0:(t/max_f)", 0, line=Timeline(Fraction(24)))


# --- noise ---------------------------------------------------------------------------------------


def test_noise_is_smooth_bounded_and_of_its_seed() -> None:
    x = np.linspace(-50, 1000, 20_000)
    curve = noise(1, x)
    assert np.abs(curve).max() <= 1
    assert np.abs(np.diff(curve)).max() < 0.25
    assert curve.std() > 0.3
    np.testing.assert_array_equal(curve, noise(1, x))
    assert np.abs(curve - noise(2, x)).max() > 0.5
    assert np.abs(curve - noise(1, x + 1)).max() > 0.5


# --- what is refused -----------------------------------------------------------------------------

WRONG = {
    "": "it is empty",
    "   ": "it is empty",
    "0:": "no value",
    "0:()": "no value",
    "0:( )": "no value",
    ":(1)": "place is missing",
    "(1), 5:(2)": "no colon",
    "0:(1),,5:(2)": "no colon",
    "0:(1), 5": "no colon",
    ",0:(1)": "no colon",
    "0:(1) 60:(2)": "two colons",
    "0:(1):(2)": "two colons",
    "0:(1": "never closed",
    "0:(1, 5:(2)": "never closed",
    "0:(1))": "never opened",
    "0:)1(": "never opened",
    "0:(1]": "never opened",
    "0:[1)": "never opened",
    "0:{1}": "not allowed",
    "0:[1]": "not allowed",
    "0:(1),0:(2)": "two keys",
    "0:(1),24f:(2),1s:(1.5)": "two keys",
    "0:(1),2b:(2),1s:(1.5)": "two keys",
    "-1:(1)": "can't be at frame -1",
    "(0-5):(1)": "can't be at frame -5",
    "(1/0):(1)": "can't be at frame inf",
    "1e12:(1)": "can't be at frame",
    "999999999999f:(1)": "too far away",
    "x:(1)": "no name x",
    "t:(1)": "no name t",
    "bass:(1)": "no name bass",
    "sec:(1)": "no name sec",
    "5x:(1)": "no formula",
    "5ss:(1)": "no formula",
    "1.2.3:(1)": "no formula",
    "5 s s:(1)": "no formula",
    "0:(foo)": "no name foo",
    "0:(Bass)": "no name Bass",
    "0:(nan)": "no name nan",
    "0:(inf)": "no name inf",
    "0:(True)": "no number",
    "0:(None)": "no number",
    "0:(1j)": "no number",
    "0:('1')": "no number",
    "0:(b'1')": "no number",
    '0:("a"*9)': "no number",
    "0:(f'{t}')": "not allowed",
    "0:(...)": "no number",
    "0:(1,2)": "not allowed",
    "0:(t.real)": "not allowed",
    "0:(t[0])": "not allowed",
    "0:([t])": "not allowed",
    "0:({})": "not allowed",
    "0:({1: 2})": "not allowed",
    "0:(lambda: 1)": "not allowed",
    "0:(1 if t else 2)": "not allowed",
    "0:([x for x in t])": "not allowed",
    "0:(*t)": "no",
    "0:(t := 1)": "no formula",
    "0:(t = 1)": "no formula",
    "0:(1; 2)": "no formula",
    "0:(import os)": "no formula",
    "0:(yield)": "no",
    "0:(await t)": "no",
    "0:(1 +)": "no formula",
    "0:(* 2)": "no formula",
    "0:(1 2)": "no formula",
    "0:(2.5s)": "no formula",
    "0:(1 < > 2)": "no formula",
    "0:(0x)": "no formula",
    "0:(007)": "no formula",
    "0:(1__0)": "no formula",
    "0:(t # 1)": None,
    "0:(t ? 1)": "no formula",
    "0:($t)": "no formula",
    "0:(t \\ 2)": "no formula",
    "0:(~t)": "not allowed",
    "0:(t ^ 2)": "not allowed",
    "0:(t << 2)": "not allowed",
    "0:(t >> 2)": "not allowed",
    "0:(t @ t)": "not allowed",
    "0:(t is 1)": "not allowed",
    "0:(t in 1)": "not allowed",
    "0:(t not in 1)": "not allowed",
    "0:(sin)": "write sin",
    "0:(sin())": "1 argument, not 0",
    "0:(sin(1, 2))": "1 argument, not 2",
    "0:(min(1))": "2 arguments or more, not 1",
    "0:(clip(1, 2))": "3 arguments, not 2",
    "0:(where(1, 2))": "3 arguments, not 2",
    "0:(noise())": "1 argument, not 0",
    "0:(sin(x=1))": "plain arguments",
    "0:(sin(*t))": "plain arguments",
    "0:(max(**t))": "plain arguments",
    "0:(eval(1))": "no such function",
    "0:(exec('1'))": "no such function",
    "0:(open(1))": "no such function",
    "0:(__import__('os').system('id'))": "no such function",
    "0:(getattr(t, 1))": "no such function",
    "0:(t(1))": "no such function",
    "0:(sin(1)(2))": "no such function",
    "0:((1)(2))": "no such function",
    "0:(().__class__)": "not allowed",
    "0:(t.__class__.__mro__)": "not allowed",
    "0:(1/0)": "no finite number",
    "0:(0/0)": "no finite number",
    "0:(log(0))": "no finite number",
    "0:(log(-1))": "no finite number",
    "0:(sqrt(-1))": "no finite number",
    "0:((-1)**0.5)": "no finite number",
    "0:(exp(1000))": "no finite number",
    "0:(9**9**9)": "no finite number",
    "0:(9**9**9**9**9)": "no finite number",
    "0:(10**400)": "no finite number",
    "0:(1e999)": "too large",
    f"0:({'9' * 400})": "too large",
    f"0:({'1' * 1500})": "at most 1000 characters",
    f"0:({'(' * 300}1{')' * 300})": None,
    f"0:(sin{'(sin' * 90}(1){')' * 90})": "too deep",
    f"0:({'-' * 900}1)": "too",
    f"0:({'not ' * 200}1)": "too",
    f"0:({'1+' * 499}1)": "too",
    f"0:({'1,' * 450}1)": "not allowed",
    f"0:(max({'1,' * 450}1))": "too",
    f"0:({'2**' * 300}2)": "too",
    f"0:({'a' * 900})": "no name",
    "0:(" + "1" * 30_000 + ")": "at most 20000",
    ",".join(f"{number}:(1)" for number in range(1500)): "more than 1000 keys",
    "0:(é)": "no part of a formula",
    "0:(1\u2028)": None,
    "0:(\x00)": "no part of a formula",
    "0:(\uff11)": "no part of a formula",
    "0:(π)": "no part of a formula",
    "é:(1)": "no part of a formula",
    "0:(5)": "not from 0.5 to 2",
    "0:(1), 60:(-3)": "not from 0.5 to 2",
    "0:(2*2)": "not from 0.5 to 2",
    "7": "not from 0.5 to 2",
}
"""Schedules of zoom, and what is said of each; None where it is right."""


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:24].encode("ascii", "replace"))
def test_a_wrong_schedule_is_refused_in_one_line_that_marks_the_place(text: str) -> None:
    problem, begun = WRONG[text], time.process_time()
    if problem is None:
        read_schedules({"zoom": text})
        return
    with pytest.raises(FieldError) as raised:
        Curve("zoom", text, Range(0.5, 2)).bound(LINE)
    assert time.process_time() - begun < 5, "a hang, however slow the machine"
    message = str(raised.value)
    assert message.startswith("schedule: zoom: ")
    assert message.isascii() or "\n" not in message
    assert message.isprintable(), "one line"
    assert len(message) < 400
    assert message.count(">>>") >= 1
    assert message.count("<<<") >= 1
    assert problem in message


def test_there_are_enough_wrong_ones() -> None:
    assert sum(problem is not None for problem in WRONG.values()) >= 100


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("0:(0.4 + 0.6*bas)", ">>>bas<<<"),
        ("0:(1), 60:(1.5), 90:(sin(t, 2))", ">>>sin(t, 2)<<<"),
        ("0:(1.0), 6x:(2)", ">>>6<<<x"),
        ("0:(1.0),\n30:(1.0 + qux)", ">>>qux<<<"),
        ("0:(1.0), 30:(3.5)", ">>>3.5<<<"),
        ("0:(1.0), 30:(1.5", ">>>(<<<1.5"),
    ],
)
def test_the_place_is_the_wrong_part(text: str, place: str) -> None:
    with pytest.raises(FieldError) as raised:
        Curve("zoom", text, Range(0.5, 2))
    assert place in str(raised.value)


def test_of_a_long_schedule_only_what_is_near_is_shown() -> None:
    text = "a" * 500
    assert marked(text, 200, 203) == f"...{'a' * 40}>>>aaa<<<{'a' * 40}..."


def test_a_formula_is_not_refused_for_its_values() -> None:
    assert values("0:(t*100)", 5, range_=Range(0, 1)) == [500], "the program holds it to its range"


def test_a_formula_without_a_finite_value_evaluates_all_the_same() -> None:
    infinite, wrong = values("0:(1/(t-3))", 3)[0], values("0:(sqrt(t-3))", 0)[0]
    assert math.isinf(infinite)
    assert math.isnan(wrong)


def test_beats_need_their_number() -> None:
    with pytest.raises(FieldError, match="needs --bpm: 0:\\(1\\), >>>4b<<<"):
        values("0:(1), 4b:(2)", 0, line=Timeline(Fraction(24)))
