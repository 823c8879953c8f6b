"""What every contract asks of the rejects of its stage."""

FATE = "every window became one clip or one reject"

SPOILED = [
    ({"table": "clips"}, {"table = windows for every reject of cut"}),
    ({"id": "of nobody"}, {"every reject of cut is a row of windows"}),
    ({"reason": None}, {"every reject of cut says why, in a word and in a sentence"}),
    ({"reason": " "}, {"every reject of cut says why, in a word and in a sentence"}),
    ({"reason_code": None}, {"every reject of cut says why, in a word and in a sentence"}),
    ({"reason_code": "Not Media!"}, {"reason code is one lower-case word for every reject of cut"}),
    ({"reason_code": "worker_died"}, {"cut rejected nothing because of a crash or an unknown error"}),
    ({"reason_code": "unexpected_error"}, {"cut rejected nothing because of a crash or an unknown error"}),
]
TWICE = {"no two rejects share an id", FATE}


def test_a_spoiled_reject_is_told(world_of, data, told_of):
    world = world_of(len(SPOILED))
    (example,) = world.rejects["cut"]
    windows = world.rows["windows"][1::2]
    rejects = [example | {"id": window["window_id"]} for window in windows]  # whose clips are there as well
    world.rejects["cut"] = [reject | values for reject, (values, _) in zip(rejects, SPOILED, strict=True)]
    told = told_of("clips", world, data, [{reject["id"]} for reject in world.rejects["cut"]])
    assert [sentences - {FATE} for sentences in told] == [spoiled for _, spoiled in SPOILED]


def test_a_window_rejected_twice_is_told(world, failing):
    world.rejects["cut"] *= 2
    assert failing("clips") == TWICE


def test_every_expectation_can_fail(world, data):
    from data_contracts.check import contract_of

    world.write(data)
    rules = contract_of("clips", data, world.params).views[-1].expectations
    assert {rule.description for rule in rules} <= set.union(*(told for _, told in SPOILED), TWICE)


def test_rejects_of_all_stages_may_lie_in_one_table(world, data, failing):
    from mova_core.curation.tables import write_table

    write_table(data.table("rejects"), "rejects", [row for rows in world.rejects.values() for row in rows])
    world.rejects = {}
    assert failing("clips") == set()
