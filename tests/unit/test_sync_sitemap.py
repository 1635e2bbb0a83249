"""Sitemaps: what they list, and what is none."""

import gzip

import pytest

from ragstone.cli.sitemap import LARGEST, read_sitemap
from ragstone.domain.errors import InvalidRequest

PAGES = b"""<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
        xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
  <url><loc> https://e.test/a?x=1&amp;y=2 </loc><lastmod>2026-11-21</lastmod>
       <image:image><image:loc>https://e.test/a.png</image:loc></image:image></url>
  <url><loc>https://e.test/b</loc></url>
  <url><loc>https://e.test/b</loc></url>
  <url><loc/></url>
</urlset>"""
INDEX = (
    b"<sitemapindex><sitemap><loc>https://e.test/1.xml.gz</loc></sitemap><loc>https://e.test/no</loc></sitemapindex>"
)


@pytest.mark.parametrize(
    "data",
    [PAGES, gzip.compress(PAGES, mtime=0), gzip.compress(PAGES[:99], mtime=0) + gzip.compress(PAGES[99:], mtime=0)],
)
def test_pages_in_order_each_once(data: bytes) -> None:
    sitemap = read_sitemap(data)
    assert sitemap
    assert (sitemap.index, sitemap.locations) == (False, ["https://e.test/a?x=1&y=2", "https://e.test/b"])


def test_an_index_leads_to_sitemaps() -> None:
    sitemap = read_sitemap(INDEX)
    assert sitemap
    assert (sitemap.index, sitemap.locations) == (True, ["https://e.test/1.xml.gz"])


def test_an_empty_one_is_one() -> None:
    sitemap = read_sitemap(b"<urlset></urlset>")
    assert sitemap
    assert sitemap.locations == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"https://e.test/a\nhttps://e.test/b\n",
        b"<!doctype html><html><body><p>Down for maintenance",
        b"<rss><channel><url><loc>https://e.test/a</loc></url></channel></rss>",
        b'<!DOCTYPE urlset [<!ENTITY a "aa">]><urlset><url><loc>https://e.test/&a;</loc></url></urlset>',
        gzip.compress(b"plain", mtime=0),
    ],
)
def test_what_is_none(data: bytes) -> None:
    assert read_sitemap(data) is None


@pytest.mark.parametrize("data", [PAGES[:-20], gzip.compress(PAGES, mtime=0)[:-20], PAGES.replace(b"</url>", b"</ur>")])
def test_half_a_sitemap_is_not_taken_for_a_whole_one(data: bytes) -> None:
    with pytest.raises(InvalidRequest, match="damaged"):
        read_sitemap(data)


def test_a_bomb_is_not_unpacked() -> None:
    with pytest.raises(InvalidRequest, match="larger than 50 MiB"):
        read_sitemap(gzip.compress(PAGES + bytes(LARGEST), 9))
