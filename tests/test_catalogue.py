"""The product catalogue is complete, consistent and worth searching."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest

pytestmark = pytest.mark.once

CATEGORIES = [
    "Hand Tools",
    "Power Tools",
    "Paint & Finishes",
    "Hardware",
    "Lumber & Building Materials",
    "Electrical",
    "Plumbing",
    "Garden & Outdoor",
    "Storage & Organization",
]
PEAK_MONTHS = {
    "Hand Tools": {5, 6, 7, 8},
    "Power Tools": {6, 7},
    "Paint & Finishes": {4},
    "Hardware": {6, 7},
    "Lumber & Building Materials": {6, 7},
    "Electrical": {11, 12, 1},
    "Plumbing": {12, 1},
    "Garden & Outdoor": {4, 5, 6},
    "Storage & Organization": {1},
}
# The closest two descriptions share 0.29 of their words; a copy with one clause changed shares
# well over half, so anything past this bound was not written by itself.
MOST_WORDS_SHARED = 0.4
NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|"
    "fifty|sixty|seventy|eighty|ninety|hundred|thousand|dozen|half|pair|quarter"
)
HAS_SIZE = re.compile(rf"\d|\b(?:{NUMBER_WORDS})(?:s|-\w+)?\b", re.IGNORECASE)


def load() -> list[dict[str, Any]]:
    folder = files("zava_sql.demo") / "catalogue"
    found = sorted((f for f in folder.iterdir() if f.name.endswith(".json")), key=lambda f: f.name)
    return [json.loads(f.read_text(encoding="utf-8"), parse_float=Decimal) for f in found]


CATALOGUE = load()
TYPES = [t for category in CATALOGUE for t in category["types"]]
PRODUCTS = [p for t in TYPES for p in t["products"]]
each_category = pytest.mark.parametrize("category", CATALOGUE, ids=lambda c: c["category"])
each_type = pytest.mark.parametrize("product_type", TYPES, ids=lambda t: t["type"])


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", text)


def words(text: str) -> frozenset[str]:
    """Words without the figures, so that a size series cannot pass by its numbers alone."""
    return frozenset(re.findall(r"[^\W\d_]+", text.lower()))


def repeated(values: list[str]) -> list[str]:
    return [value for value, count in Counter(v.casefold() for v in values).items() if count > 1]


def test_the_nine_categories_come_in_order() -> None:
    assert [c["category"] for c in CATALOGUE] == CATEGORIES


def test_there_are_enough_types_and_products() -> None:
    assert 50 <= len(TYPES) <= 56
    assert len(PRODUCTS) >= 430


@each_category
def test_a_category_is_broad_enough(category: dict[str, Any]) -> None:
    assert category.keys() == {"category", "month_index", "types"}
    assert 5 <= len(category["types"]) <= 7
    assert sum(len(t["products"]) for t in category["types"]) >= 48


@each_category
def test_a_year_has_twelve_months_around_one(category: dict[str, Any]) -> None:
    year = category["month_index"]
    assert len(year) == 12
    assert all(Decimal("0.4") <= month <= Decimal("2.5") for month in year)
    assert Decimal("0.8") <= sum(year) / 12 <= Decimal("1.6")


@each_category
def test_demand_peaks_in_the_category_s_season(category: dict[str, Any]) -> None:
    year = category["month_index"]
    assert year.index(max(year)) + 1 in PEAK_MONTHS[category["category"]]


@each_type
def test_a_type_is_well_formed(product_type: dict[str, Any]) -> None:
    assert product_type.keys() == {
        "type",
        "units_per_line",
        "popularity",
        "goes_with",
        "products",
    }
    assert 1 <= product_type["units_per_line"] <= 10
    assert 0 < product_type["popularity"] <= 3
    assert len(product_type["products"]) >= 5


@each_type
def test_a_type_goes_with_other_types_that_exist(product_type: dict[str, Any]) -> None:
    partners = product_type["goes_with"]
    assert partners
    assert not repeated(partners)
    assert product_type["type"] not in partners
    assert set(partners) <= {t["type"] for t in TYPES}


@each_type
def test_the_skus_of_a_type_share_a_prefix_and_count_up(product_type: dict[str, Any]) -> None:
    skus = [p["sku"] for p in product_type["products"]]
    assert re.fullmatch(r"[A-Z]{2}-[A-Z]{3}-001", skus[0])
    assert skus == [f"{skus[0][:6]}-{n:03}" for n in range(1, len(skus) + 1)]


@each_category
def test_a_category_has_one_sku_prefix_of_its_own(category: dict[str, Any]) -> None:
    others = [t for c in CATALOGUE if c is not category for t in c["types"]]
    own = {p["sku"][:2] for t in category["types"] for p in t["products"]}
    assert len(own) == 1
    assert own.isdisjoint(p["sku"][:2] for t in others for p in t["products"])


def test_type_names_are_unique() -> None:
    assert not repeated([t["type"] for t in TYPES])


@pytest.mark.parametrize("field", ["sku", "name", "description"])
def test_products_are_told_apart_by(field: str) -> None:
    assert not repeated([p[field] for p in PRODUCTS])


def test_a_product_has_exactly_the_agreed_fields() -> None:
    fields = {"sku", "name", "description", "price", "popularity"}
    assert not [p for p in PRODUCTS if p.keys() != fields or not 0 < p["popularity"] <= 3]


def test_prices_are_dollars_and_usual_cents() -> None:
    cents = {Decimal("0.99"), Decimal("0.49"), Decimal("0.29")}
    assert not [p for p in PRODUCTS if p["price"] % 1 not in cents or not 0 < p["price"] < 1000]
    assert not [p for p in PRODUCTS if p["price"].as_tuple().exponent != -2]


def test_a_description_is_two_sentences() -> None:
    def is_two_sentences(text: str) -> bool:
        parts = sentences(text)
        return len(parts) == 2 and all(re.fullmatch(r"[A-Z0-9].+\.", part) for part in parts)

    assert not [p["description"] for p in PRODUCTS if not is_two_sentences(p["description"])]


def test_a_description_has_a_readable_length() -> None:
    assert not [p["description"] for p in PRODUCTS if not 60 <= len(p["description"]) <= 400]


def test_a_description_names_a_size_or_quantity() -> None:
    assert not [p["description"] for p in PRODUCTS if not HAS_SIZE.search(p["description"])]


def test_a_description_adds_words_to_the_name() -> None:
    """Search finds what a thing is for only if the text says more than its label."""
    thin = [p for p in PRODUCTS if len(words(p["description"]) - words(p["name"])) < 8]
    assert not thin


def test_text_is_clean() -> None:
    """Plain marks for inches and quotes, no stray spaces; letters such as é are welcome."""
    texts = [p[field] for p in PRODUCTS for field in ("name", "description")]
    assert not [t for t in texts if t != " ".join(t.split()) or re.search('[″′”“’‘…"]', t)]  # noqa: RUF001


def test_no_two_descriptions_are_nearly_the_same() -> None:
    bags = [(words(p["description"]), p["sku"]) for p in PRODUCTS]
    close = [
        (one, other)
        for (a, one), (b, other) in itertools.combinations(bags, 2)
        if len(a & b) > MOST_WORDS_SHARED * len(a | b)
    ]
    assert not close
