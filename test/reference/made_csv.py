"""Other dialects of CSV: the same rows as packages ship, with other line ends, quotes, delimiters and encodings."""

import csv
import io

from shipped import PENGUINS, STOCKS, WEATHER, shipped


def dialects() -> dict[str, bytes]:
    """CSV of the same rows in other dialects. What `latin-1`, `utf-16` and `semicolons` hold is right in itself."""
    penguins, weather, stocks = rows_of(*PENGUINS), rows_of(*WEATHER), rows_of(*STOCKS)
    noted = [[*penguins[0], "note"], *([*row, f'{row[0]} of "{row[1]}",\nseen {row[-1]}'] for row in penguins[1:])]
    crossed = [[*stocks[0], "remark"], *([*row, f"a\r\n\r\n{row[0]}\rb"] for row in stocks[1:])]
    umlauts = [["Straße", "größe"], *([f"Ä{row[1]}ö", row[2]] for row in stocks[1:])]
    euros = [["preis €", "größe"], *([row[2], f"¼{row[0]}"] for row in stocks[1:])]
    decimal_commas = [
        row if number == 0 else [cell.replace(".", ",") for cell in row] for number, row in enumerate(weather)
    ]
    sparse = [
        row if number == 0 else [cell if (number + at) % 3 else "" for at, cell in enumerate(row)]
        for number, row in enumerate(weather)
    ]
    holes = [row if number % 7 else row[:-1] for number, row in enumerate(weather, 1)]
    extra = [row if number % 11 else [*row, "more"] for number, row in enumerate(stocks, 1)]
    lonely = [["price"], *([row[2] if number % 5 else ""] for number, row in enumerate(stocks[1:]))]
    big = [["id", "note"], *([str(2**53 + number), "x" * (number % 700)] for number in range(4000))]
    return {
        "quoted-line-ends.csv": text(noted, "\n"),
        "quoted-line-ends-crlf.csv": text(noted, "\r\n"),
        "quoted-every-line-end.csv": text(crossed, "\r\n"),
        "quoted-every-line-end.tsv": text(crossed, "\n", delimiter="\t"),
        "all-quoted.csv": text(penguins, "\n", quoting=csv.QUOTE_ALL),
        "all-quoted-bom-crlf.csv": b"\xef\xbb\xbf" + text(penguins, "\r\n", quoting=csv.QUOTE_ALL),
        "bom.csv": b"\xef\xbb\xbf" + text(weather, "\n"),
        "bom.tsv": b"\xef\xbb\xbf" + text(weather, "\r\n", delimiter="\t"),
        "bom-quoted-line-ends.csv": b"\xef\xbb\xbf" + text(noted, "\n"),
        "crlf-no-last.csv": text(weather, "\r\n")[:-2],
        "lf-no-last.csv": text(weather, "\n")[:-1],
        "last-field-empty-no-last.csv": text(sparse, "\n").rstrip(b"\n"),
        "mixed-line-ends.csv": b"".join(
            line + (b"\r\n" if number % 2 else b"\n") for number, line in enumerate(text(weather, "\n").splitlines())
        ),
        "cr.csv": text(weather, "\r"),
        "blank-lines.csv": text(weather, "\n")
        .replace(b"\n2012-02", b"\n\n2012-02")
        .replace(b"\n2013-02", b"\n\r\n2013-02"),
        "blank-last-lines.csv": text(weather, "\n") + b"\n\n\r\n",
        "sparse.csv": text(sparse, "\n"),
        "quoted-empty.csv": text(sparse, "\n", quoting=csv.QUOTE_ALL),
        "one-column-with-empty.csv": "\n".join(row[0] for row in lonely).encode() + b"\n",
        "semicolons.csv": text(penguins, "\n", delimiter=";"),
        "semicolons-decimal-commas.csv": text(decimal_commas, "\r\n", delimiter=";"),
        "semicolons-bom.csv": b"\xef\xbb\xbf" + text(penguins, "\r\n", delimiter=";"),
        "decimal-commas-quoted.csv": text(decimal_commas, "\n"),
        "latin-1.csv": text(umlauts, "\n").decode().encode("latin-1"),
        "latin-1-crlf.csv": text(umlauts, "\r\n").decode().encode("latin-1"),
        "windows-1252.csv": text(euros, "\r\n").decode().encode("cp1252"),
        "latin-1-at-the-end.csv": text(stocks, "\n") + "MSFT,Mär 1 2010,28.8\n".encode("latin-1"),
        "utf-16.csv": text(stocks, "\r\n").decode().encode("utf-16"),
        "utf-16-be.tsv": "\ufeff".encode("utf-16-be") + text(stocks, "\n", delimiter="\t").decode().encode("utf-16-be"),
        "utf-8-umlauts.csv": text(umlauts, "\n"),
        "too-few-fields.csv": text(holes, "\n"),
        "too-many-fields.csv": text(extra, "\n"),
        "trailing-delimiters.csv": b"".join(line + b",\n" for line in text(stocks, "\n").splitlines()),
        "hash-and-spaces.csv": text(
            [["#id", " name ", "'q'"], *([f"#{n}", f"  {n} ", f"'{n}, \t'"] for n in range(50))], "\n"
        ),
        "text-for-missing.csv": text(
            [["a", "b"], *([["NA", "null", "nan", "NULL", "", "None", "-"][n % 7], str(n)] for n in range(70))], "\n"
        ),
        "past-2-53.csv": text(big, "\n"),
        "names-by-case.csv": text(
            [["a", "A", "a ", "Ä", "ä"], *([str(n), str(-n), str(n * n), "", "x"] for n in range(30))], "\n"
        ),
        "nul-like-and-escapes.csv": text([["a", "b"], *([f'\\{n}\\"', "\\N"] for n in range(30))], "\n"),
    }


def rows_of(package: str, path: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(shipped(package, path).read_text("utf-8-sig"), newline="")))


def text(rows: list[list[str]], line_end: str, **dialect) -> bytes:
    to = io.StringIO(newline="")
    csv.writer(to, lineterminator=line_end, **dialect).writerows(rows)
    return to.getvalue().encode()
