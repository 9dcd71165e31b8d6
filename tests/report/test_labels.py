"""Labels find a free place, or give way."""

from s1.report.labels import Places, Spot

LEFT, RIGHT = Spot(100.0, 50.0, "end"), Spot(120.0, 50.0, "start")


def test_the_first_spot_is_taken_where_it_is_free() -> None:
    assert Places(0, 400).find([LEFT, RIGHT], "W2") == LEFT


def test_a_label_gives_way_to_one_that_stands_there() -> None:
    places = Places(0, 400)
    places.find([LEFT], "W2")
    assert places.find([LEFT, RIGHT], "W4") == RIGHT


def test_a_label_without_a_free_spot_is_left_out_unless_it_must_be_there() -> None:
    places = Places(0, 400)
    places.find([LEFT], "W2")
    assert places.find([LEFT], "W4") is None
    assert places.find([LEFT], "W4", must=True) == LEFT


def test_a_label_would_rather_not_cover_a_mark() -> None:
    places = Places(0, 400)
    places.take_mark(95.0, 45.0)
    assert places.find([LEFT, RIGHT], "W2") == RIGHT
    assert places.find([LEFT], "W4") == LEFT


def test_a_label_does_not_run_out_of_the_drawing() -> None:
    assert Places(0, 130).find([RIGHT, LEFT], "a long label") == LEFT
