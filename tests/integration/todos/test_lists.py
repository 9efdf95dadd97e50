"""Lists: filters, orders, the search, pages that fit together, and the trash."""

import itertools
import random

import pytest

from common.errors import ValidationFailed
from services.todos import queries

SORTS = ["created_at", "updated_at", "due_at", "priority", "order", "title"]
RANK = {"low": 0, "medium": 1, "high": 2}
KEYS = {
    "due_at": lambda todo: todo["due_at"] or "9999",
    "priority": lambda todo: RANK[todo["priority"]],
    "title": lambda todo: todo["title"].casefold(),
}


@pytest.fixture(scope="module")
def many(sign_in):
    """A user with sixty todos: many equal values, many without a date, titles in odd cases."""
    draw = random.Random(20261122)
    with sign_in() as user:
        ops = [
            {
                "op": "create", "title": draw.choice(["a", "B", "Äpfel", "zoo", "A", "ä", "10", "9"]),
                "priority": draw.choice(list(RANK)), "order": draw.randint(-2, 2),
                "due_at": draw.choice([None, "2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z"]),
                "status": draw.choice(["pending", "in_progress", "completed"]),
                "tags": draw.sample(["home", "work", "urgent"], draw.randint(0, 3)),
            }
            for _ in range(60)
        ]  # fmt: skip
        user.todos.bulk({"ops": ops[:45]})
        user.todos.bulk({"ops": ops[45:]})
        yield user


def walk(user, call="list", **query):
    """All items of all pages, and how many pages that were."""
    items, pages, cursor = [], 0, None
    while pages == 0 or cursor:
        page = getattr(user.todos, call)({**query, **({"cursor": cursor} if cursor else {})})
        items += page["items"]
        pages, cursor = pages + 1, page["next_cursor"]
    return items, pages


@pytest.mark.parametrize(("sort", "sign", "limit"), list(itertools.product(SORTS, ["", "-"], [7, 13, 100])))
def test_pages_of_any_size_in_any_order_make_up_the_sorted_whole(many, sort, sign, limit):
    items, pages = walk(many, sort=sign + sort, limit=str(limit))
    assert pages == -(-60 // limit)
    key = KEYS.get(sort, lambda todo: todo[sort])
    assert items == sorted(items, key=lambda todo: (key(todo), todo["id"]), reverse=bool(sign))
    assert len({todo["id"] for todo in items}) == 60


def test_the_newest_come_first_unless_asked_otherwise(user):
    for title in ("one", "two", "three"):
        user.make(title)
    assert user.titles() == ["three", "two", "one"]
    assert user.titles(sort="created_at") == ["one", "two", "three"]


def test_todos_made_while_paging_neither_repeat_nor_hide_others(user):
    for n in range(6):
        user.make(f"todo {n}")
    first = user.todos.list({"limit": "3"})
    user.make("in between")
    user.todos.delete(first["items"][0]["id"])
    second = user.todos.list({"limit": "3", "cursor": first["next_cursor"]})
    assert [todo["title"] for todo in second["items"]] == ["todo 2", "todo 1", "todo 0"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ({"status": "completed"}, lambda todo: todo["status"] == "completed"),
        ({"priority": "high"}, lambda todo: todo["priority"] == "high"),
        ({"tag": "home"}, lambda todo: "home" in todo["tags"]),
        ({"due_before": "2030-06-01T00:00:00Z"}, lambda todo: (todo["due_at"] or "9999") < "2030-06"),
        ({"due_after": "2030-06-01T00:00:00+02:00"}, lambda todo: (todo["due_at"] or "") > "2030-06"),
        (
            {"due_after": "2029-01-01T00:00:00Z", "due_before": "2031-01-01T00:00:00Z", "tag": "work"},
            lambda todo: (todo["due_at"] or "").startswith("2030") and "work" in todo["tags"],
        ),
        (
            {"q": "ÄPF", "status": "pending"},
            lambda todo: todo["title"] == "Äpfel" and todo["status"] == "pending",
        ),
    ],
)
def test_a_filter_shows_exactly_what_it_names_on_all_pages(many, query, holds):
    everything, _ = walk(many, limit="100")
    expected = [todo for todo in everything if holds(todo)]
    assert expected
    items, _ = walk(many, **query, limit="4")
    assert items == expected
    assert many.todos.list({**query, "count": "true", "limit": "1"})["total"] == len(expected)


def test_the_total_is_counted_only_when_asked_and_is_the_same_on_each_page(many):
    assert many.todos.list({})["total"] is None
    page = many.todos.list({"count": "true"})
    assert (page["total"], len(page["items"])) == (60, 50)
    rest = many.todos.list({"count": "true", "cursor": page["next_cursor"]})
    assert (rest["total"], len(rest["items"]), rest["next_cursor"]) == (60, 10, None)


def test_the_search_finds_parts_of_words_in_any_case_in_title_and_description(user):
    user.make("Buy GROCERIES", description="milk,\nbread & ÖL")
    user.make("Kleiderschrank bauen")
    assert user.titles(q="groc") == ["Buy GROCERIES"]
    assert user.titles(q="öl BUY") == ["Buy GROCERIES"]
    assert user.titles(q="schrank") == ["Kleiderschrank bauen"]
    assert user.titles(q="groc schrank") == []


@pytest.mark.parametrize(
    "odd", [".*", "^", "$", "(a+)+$", "[", "\\", "a|b", "{1}", "(?i)", '{"$gt":""}', "/x/i", "%", "'"]
)
def test_the_search_takes_signs_as_they_are(user, odd):
    user.make("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")
    user.make(f"with {odd} inside")
    assert user.titles(q=odd) == [f"with {odd} inside"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "done"), ("status", ""), ("status", {"$ne": "x"}), ("priority", "urgent"), ("tag", ""),
        ("tag", "x" * 51), ("tag", ["a"]), ("due_before", "tomorrow"), ("due_after", "2030-01-01"), ("q", ""),
        ("q", {"$regex": ".*"}), ("q", "x" * 201), ("sort", "secret"), ("sort", "--title"),
        ("limit", "0"), ("limit", "101"), ("limit", "-1"), ("limit", "1.5"), ("limit", "ten"),
        ("limit", "\uff15"),
        ("limit", ""), ("limit", None), ("cursor", ""), ("cursor", "x"), ("cursor", "x" * 5000),
        ("cursor", "bnVsbA"), ("cursor", "äöü"), ("count", "yes"), ("count", "1"),
        ("sort", "user_id"), ("user_id", "x"), ("$where", "1"),
    ],
)  # fmt: skip
def test_a_bad_or_unknown_parameter_is_refused_by_its_name(user, name, value):
    with pytest.raises(ValidationFailed) as refusal:
        user.todos.list({name: value})
    assert list(refusal.value.details) == [name]


def test_a_cursor_fits_its_own_list_only(many, new_user):
    query = {"limit": "5", "sort": "title", "status": "pending"}
    cursor = many.todos.list(query)["next_cursor"]
    assert many.todos.list({**query, "limit": "2", "cursor": cursor})["items"]
    others = [
        {**query, "sort": "-title"}, {**query, "sort": "order"}, {**query, "status": "completed"},
        {"limit": "5", "sort": "title"}, {**query, "q": "a"},
    ]  # fmt: skip
    for other in others:
        with pytest.raises(ValidationFailed) as refusal:
            many.todos.list({**other, "cursor": cursor})
        assert list(refusal.value.details) == ["cursor"]
    for call in (new_user().todos.list, many.todos.trash):
        with pytest.raises(ValidationFailed):
            call({**({} if call == many.todos.trash else query), "cursor": cursor})


def test_the_trash_shows_the_last_deleted_first_page_by_page(user):
    ids = [user.make(f"todo {n}")["id"] for n in range(5)]
    for one in (2, 0, 3):
        user.todos.delete(ids[one])
    items, pages = walk(user, "trash", limit="2")
    assert ([todo["title"] for todo in items], pages) == (["todo 3", "todo 0", "todo 2"], 2)
    assert user.todos.trash({"count": "true"})["total"] == 3
    assert user.titles() == ["todo 4", "todo 1"]
    with pytest.raises(ValidationFailed) as refusal:
        user.todos.trash({"status": "pending"})
    assert list(refusal.value.details) == ["status"]


def test_a_trash_of_todos_deleted_at_the_same_moment_pages_without_gaps(user):
    made = {user.make(str(n))["id"] for n in range(7)}
    assert user.todos.delete_all() == {"deleted": 7}
    items, pages = walk(user, "trash", limit="3")
    assert ({todo["id"] for todo in items}, len(items), pages) == (made, 7, 3)


def test_each_order_of_the_list_is_read_from_an_index(user, collection):
    for sort in SORTS:
        listing = queries.listing(user.id, {"sort": sort, "due_before": "2030-01-01T00:00:00Z"})
        plan = collection.find(listing.page, sort=listing.order).explain()["queryPlanner"]["winningPlan"]
        assert "COLLSCAN" not in str(plan) and "'SORT'" not in str(plan), (sort, plan)
