"""Files in all the packings and encodings they are published in, and broken ones."""

import gzip
import json
from pathlib import Path

import pytest

from broker.load.reading import CHUNK, Row, UnreadableFile, opened

HEADER = "NO,名称,備考"


def read(path: Path) -> tuple[str, list[Row]]:
    with opened(path) as table:
        return table.encoding, list(table.rows)


def written(folder: Path, content: bytes, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_reads_every_encoding_packing_and_line_end(
    tmp_path: Path, encoding: str, packed: bool, newline: str
) -> None:
    content = newline.join(
        [HEADER, "1,軒下公園,", '2,"濡縁,広場",①～②' if encoding != "cp932" else '2,"濡縁,広場",①', ""]
    )
    raw = content.encode(encoding)
    _, rows = read(written(tmp_path, gzip.compress(raw) if packed else raw))
    assert [row.cells[1] for row in rows] == ["軒下公園", "濡縁,広場"]
    assert not any(row.fault for row in rows)


def test_a_quoted_line_break_is_part_of_the_cell_and_lines_are_counted_as_they_stand(tmp_path: Path) -> None:
    _, rows = read(written(tmp_path, f'{HEADER}\n1,"軒\n下",x\n2,濡縁,y\n'.encode()))
    assert [(row.line, row.cells[1]) for row in rows] == [(2, "軒\n下"), (4, "濡縁")]


def test_a_quote_left_open_costs_one_line_and_not_the_rest(tmp_path: Path) -> None:
    lines = [HEADER, '1,"開いたまま,x', *(f"{n},場所{n},y" for n in range(2, 2000))]
    _, rows = read(written(tmp_path, "\n".join(lines).encode()))
    assert [row.line for row in rows if row.fault] == [2]
    assert len(rows) == 1999


def test_forgives_what_spreadsheets_leave_at_the_end_of_lines(tmp_path: Path) -> None:
    _, rows = read(written(tmp_path, f"{HEADER}\n1,軒下,x,,,\n2,濡縁\n3,沓脱,a,b\n,,\n".encode()))
    assert [(row.cells, bool(row.fault)) for row in rows] == [
        (["1", "軒下", "x"], False),
        (["2", "濡縁", ""], False),
        (["3", "沓脱", "a", "b"], True),
        (["", "", ""], False),
    ]


def test_one_wrong_byte_far_below_does_not_change_the_encoding(tmp_path: Path) -> None:
    raw = f"{HEADER}\n1,軒下,x\n2,".encode() + b"\xff\xfe" + "濡縁,y\n".encode()
    encoding, rows = read(written(tmp_path, raw))
    assert encoding == "utf-8-sig"
    assert rows[0].cells[1] == "軒下" and "\ufffd" in rows[1].cells[1]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"  \n",
        b"{}",
        b'{"features": []}',
        b'{"type": "FeatureCollection", "features": [{"a": ',
        gzip.compress(b"a,b\n1,2\n" * 20_000)[:-20],
        b"\x1f\x8bnot gzip",
    ],
)
def test_says_that_a_broken_file_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnreadableFile, match="list"):
        read(written(tmp_path, content))


def test_reads_features_one_by_one_across_the_borders_of_chunks(tmp_path: Path) -> None:
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [134.7, 35.4]},
            "properties": {"NO": n, "備考": "［]}" + "長" * (n % 700)},
        }
        for n in range(1500)
    ]
    content = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, indent=1)
    assert len(content) > 2 * CHUNK
    with opened(written(tmp_path, content.encode(), "list.geojson")) as table:
        assert table.header == ["NO", "備考", "緯度", "経度"]
        rows = list(table.rows)
    assert [row.cells[0] for row in rows] == [str(n) for n in range(1500)]
    assert rows[7].line == 8 and rows[7].cells[2:] == [35.4, 134.7]


def test_a_feature_list_that_ends_too_early_is_told_after_what_could_be_read(tmp_path: Path) -> None:
    feature = '{"type": "Feature", "geometry": null, "properties": {"NO": 1}}'
    path = written(tmp_path, f'{{"features": [{feature}, {feature[:30]}'.encode())
    rows = []
    with pytest.raises(UnreadableFile, match="beyond the record at line 1"), opened(path) as table:
        rows.extend(iter(table.rows))
    assert rows == [] or rows[0].line == 1
