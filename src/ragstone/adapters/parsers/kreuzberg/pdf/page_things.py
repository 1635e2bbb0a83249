"""The things that a page of a PDF is drawn with, those within forms too: paths, and pictures."""

import ctypes
from collections.abc import Iterator

import pypdfium2 as pdfium
from pypdfium2 import raw

STRAIGHT = 0.7
"""Points by which the ends of a level or upright line may differ."""
_MOST_SEGMENTS = 5_000
_DEEPEST_FORM = 4

Matrix = tuple[float, float, float, float, float, float]
Point = tuple[float, float]


def outlines(page: pdfium.PdfPage) -> Iterator[tuple[list[Point], bool]]:
    """Yield the corners of what is drawn with straight lines, and whether they enclose what is filled."""
    left = _MOST_SEGMENTS
    for path, matrix in things(page, raw.FPDF_PAGEOBJ_PATH):
        count = raw.FPDFPath_CountSegments(path)
        left -= max(1, count)
        if left < 0:
            return
        filled, stroked = ctypes.c_int(), ctypes.c_int()
        raw.FPDFPath_GetDrawMode(path, ctypes.byref(filled), ctypes.byref(stroked))
        for corners in _subpaths(path, count, matrix):
            boxed = len(corners) in (4, 5) and _is_box(corners)
            if stroked.value or (filled.value and boxed):
                yield [*corners, corners[0]] if boxed and len(corners) == 4 else corners, boxed


def picture_share(page: pdfium.PdfPage) -> float:
    """Return the share of a page that its pictures would cover if none lay upon another."""
    width, height = page.get_size()
    areas = 0.0
    for picture, matrix in things(page, raw.FPDF_PAGEOBJ_IMAGE):
        a, b, c, d, _, _ = _times(_matrix(picture), matrix)
        areas += abs(a * d - b * c)
    return float(areas / max(1.0, width * height))


def _subpaths(path: raw.FPDF_PAGEOBJECT, count: int, outer: Matrix) -> Iterator[list[Point]]:
    """Yield the corners of each part of a path; what has a curve is but a stroke, from its start to the curve."""
    matrix = _times(_matrix(path), outer)
    x, y = ctypes.c_float(), ctypes.c_float()
    x_pointer, y_pointer = ctypes.byref(x), ctypes.byref(y)
    corners: list[Point] = []
    for place in range(count):
        segment = raw.FPDFPath_GetPathSegment(path, place)
        kind = raw.FPDFPathSegment_GetType(segment)
        raw.FPDFPathSegment_GetPoint(segment, x_pointer, y_pointer)
        if kind == raw.FPDF_SEGMENT_MOVETO:
            if len(corners) > 1:
                yield corners
            corners = []
        corners.append(_moved(x.value, y.value, matrix))
        if kind == raw.FPDF_SEGMENT_BEZIERTO:
            break
        if raw.FPDFPathSegment_GetClose(segment) and corners[0] != corners[-1]:
            corners.append(corners[0])
    if len(corners) > 1:
        yield corners


def _is_box(corners: list[Point]) -> bool:
    if len(corners) == 5 and max(abs(corners[0][axis] - corners[4][axis]) for axis in (0, 1)) > STRAIGHT:
        return False
    sides = zip(corners, [*corners[1:4], corners[0]], strict=False)
    return all(min(abs(xa - xb), abs(ya - yb)) <= STRAIGHT for (xa, ya), (xb, yb) in sides)


def things(page: pdfium.PdfPage, wanted: int) -> Iterator[tuple[raw.FPDF_PAGEOBJECT, Matrix]]:
    """Yield what is of a kind on a page and in the forms on it, each with the matrix of what it is in."""
    still = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    holders: list[tuple[raw.FPDF_PAGEOBJECT | None, Matrix, int]] = [(None, still, 0)]
    while holders:
        form, matrix, depth = holders.pop()
        count = raw.FPDFFormObj_CountObjects(form) if form is not None else raw.FPDFPage_CountObjects(page)
        for place in range(count):
            thing = raw.FPDFFormObj_GetObject(form, place) if form is not None else raw.FPDFPage_GetObject(page, place)
            kind = raw.FPDFPageObj_GetType(thing)
            if kind == wanted:
                yield thing, matrix
            elif kind == raw.FPDF_PAGEOBJ_FORM and depth < _DEEPEST_FORM:
                holders.append((thing, _times(_matrix(thing), matrix), depth + 1))


def _matrix(thing: raw.FPDF_PAGEOBJECT) -> Matrix:
    found = raw.FS_MATRIX()
    raw.FPDFPageObj_GetMatrix(thing, ctypes.byref(found))
    return found.a, found.b, found.c, found.d, found.e, found.f


def _times(inner: Matrix, outer: Matrix) -> Matrix:
    (a, b, c, d, e, f), (g, h, i, j, k, m) = inner, outer
    return a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m


def _moved(x: float, y: float, matrix: Matrix) -> Point:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f
