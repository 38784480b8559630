"""Load all designated places of Japan: complete, bounded memory, counts equal to a direct count."""

from tests.trials import fail, record
from tests.trials._national import broker, direct_counts, files

MOST_MEGABYTES = 500
LEAST_PER_SECOND = 2_500
TRIAL = "load"


def main() -> None:
    """Load twice and compare."""
    paths = files(TRIAL)
    expected = direct_counts(paths)
    total = sum(expected.types.values())
    with broker() as part:
        first = part.load(paths)
        memory = part.peak_megabytes()
        rate = total / first["seconds"]
        if (first["read"], first["new"], first["rejected"]) != (total, total, 0):
            fail(
                TRIAL,
                f"{total} rows, but {first['read']} read, {first['new']} new, {first['rejected']} rejected",
            )
        wrong = [k for k, n in expected.types.items() if part.count(type=k) != n]
        wrong += [
            h
            for h, n in expected.hazards.items()
            if part.count(type="EvacuationSite", q=f'hazardTypes=="{h}"') != n
        ]
        wrong += [
            f"{kind} {code}"
            for (kind, code), n in expected.cities.items()
            if part.count(type=kind, q=f'localGovernmentCode=="{code}"') != n
        ]
        again = part.load(paths)
        if wrong or again["unchanged"] != total:
            fail(
                TRIAL,
                f"counts differ for {wrong[:5]} ({len(wrong)}); second load: {again['unchanged']} unchanged",
            )
        peak = part.peak_megabytes()
    met = memory < MOST_MEGABYTES and peak < MOST_MEGABYTES and rate >= LEAST_PER_SECOND
    record(
        TRIAL,
        f"{'' if met else 'BELOW THE MARK: '}{total:,} entities in {first['seconds']:.0f} s, {rate:,.0f} a second; "
        f"peak memory of the broker {memory:.0f} MB while loading, {peak:.0f} MB in all; "
        f"counts of {len(expected.types)} types, {len(expected.cities)} "
        f"municipalities by type and {len(expected.hazards)} hazards equal; "
        f"second load: all unchanged in {again['seconds']:.0f} s",
    )


if __name__ == "__main__":
    main()
