"""A database is told by where it is, never by who asks."""

import pytest

from volano.data.sources.address import asked, database, page, shown, without_password


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("postgresql+psycopg://reader:${PW}@db:5433/shop", "postgresql://db:5433/shop"),
        ("postgresql://u:p%2Fq@db/shop?sslmode=require", "postgresql://db/shop"),
        (
            "postgresql://u:${PW}@${HOST}:${PORT}/shop?password=x",
            "postgresql://${HOST}:${PORT}/shop",
        ),
        ("mysql://u@h/boltok", "mysql://h/boltok"),
        ("sqlite:////srv/bolt.db", "sqlite:bolt.db"),
        ("sqlite:///bolt.db", "sqlite:bolt.db"),
        ("${SHOP_URL}", "${SHOP_URL}"),
        ("user:secret", "a database"),
    ],
)
def test_where_a_database_is(address: str, told: str) -> None:
    assert database(address) == told


def test_what_is_asked_of_it() -> None:
    assert asked({"table": "levelek"}) == "levelek"
    one, other = asked({"query": "SELECT 1; "}), asked({"query": "SELECT 2"})
    assert one == asked({"query": "SELECT 1"}) != other and one.startswith("query ")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://u:p@h.hu/a?token=x#y", "https://h.hu/a"),
        ("https://ghp_abc@host/x@y.csv", "https://host/x@y.csv"),
        ("https://b.blob.net/c.csv?sv=1&sig=aBc%3D", "https://b.blob.net/c.csv"),
        ("postgresql://u:p@h:5432/db", "postgresql://h:5432/db"),
        ("hdfs://${HOST}:${PORT}/a", "hdfs://${HOST}:${PORT}/a"),
        ("s3://bucket/key", "s3://bucket/key"),
        ("jegyek?.jsonl", "jegyek?.jsonl"),
        ("http://[::1:x/", "http://…"),
        ("http://[::1:x@y/", "http://y/"),
        ("https://u:half?other@host/x", "https://…"),
        ("lásd https://kulcs@h/x?key=1 szerint", "lásd https://h/x"),
    ],
)
def test_an_address_is_told_bare(address: str, told: str) -> None:
    assert without_password(address) == told


def test_what_may_be_told_of_a_source() -> None:
    given = {
        "url": ["https://k@h/a?sig=1", "b"], "sql": "mysql://u:p@h/d", "params": {"key": "k"},
        "most": 3,
    }  # fmt: skip
    assert shown(given) == {"url": ["https://h/a", "b"], "sql": "mysql://h/d", "most": 3}


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://h.hu/a?page=2&q=%C3%A1rv%C3%ADz#vége", None),
        ("https://h/jegyek.csv?sort_key=id&max=3&sig=", None),
        ("https://h/a?key=${FEED_KEY}&page=2", None),
        (
            "https://h/a?page_token=A&nextToken=B&tokenizer=c&secretary=d&compass=n&max_tokens=9",
            None,
        ),
        ("https://h/a?continuation-token=A&nextPageToken=B&bypass=1", None),
        (
            "https://h/a?dbtoken=x&next_access_token=y&clientSecret=z&UserPass=u&page_token_key=v",
            "https://h/a?dbtoken=***&next_access_token=***&clientSecret=***&UserPass=***&page_token_key=***",
        ),
        ("https://anna:jelsz%C3%B3@h:8443/a?b=1", "https://h:8443/a?b=1"),
        ("https://h/a?access_token=x&page=2", "https://h/a?access_token=***&page=2"),
        ("https://h/a?%6Bey=x", "https://h/a?%6Bey=***"),
        (
            "https://b.s3.aws/c.csv?X-Amz-Credential=AK%2F1&X-Amz-Signature=ab&versionId=7",
            "https://b.s3.aws/c.csv?X-Amz-Credential=***&X-Amz-Signature=***&versionId=7",
        ),
        ("https://b.blob.net/c.csv?sv=1&sig=aBc%3D", "https://b.blob.net/c.csv?sv=1&sig=***"),
        ("https://h/a#access_token=x&state=y", "https://h/a#access_token=***&state=y"),
        (f"https://h/a?v=ghp_{'a1B2' * 9}", "https://h/a?v=***"),
    ],
)
def test_a_page_is_told_by_what_it_is_and_not_by_its_key(url: str, told: str | None) -> None:
    assert page(url) == (told or url)
