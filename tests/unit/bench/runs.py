from bench.rounds import Sample, Samples


def sample(per_second: float, **changes: float) -> Sample:
    figures = {"p50_ms": 1.0, "p99_ms": 2.0, "own_cpu": 1.0, "broker_cpu": 1.0, "settled_after": 0.5}
    return Sample(per_second, **(figures | changes))


def one_row(key: str, suite: list[Sample], stock: list[Sample]) -> Samples:
    return {key: {"suite": suite, "stock": stock}}
