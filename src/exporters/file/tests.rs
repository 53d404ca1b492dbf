//! The file exporter on real files: what stands in them afterwards, and what a start or a failed write leaves behind.

use std::{
    fs,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use serde_json::json;

use super::*;
use crate::{
    exporters::testing::{self, batch_with, faults, wire},
    net::compression,
};

async fn written(config: serde_json::Value, batches: &[TraceBatch]) -> anyhow::Result<Vec<u8>> {
    let path = config["path"].as_str().unwrap().to_owned();
    let exporter = testing::exporter::<Config>(config);
    exporter.open().await?;
    for batch in batches {
        exporter.export(batch).await?;
    }
    exporter.close().await;
    Ok(fs::read(path)?)
}

fn json_of(batch: &TraceBatch) -> Vec<u8> {
    let mut text = Vec::new();
    json::write(batch, &mut text);
    text
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The records of a file of length-prefixed records.
fn records(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let (record, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        records.push(record.to_vec());
        bytes = rest;
    }
    records
}

#[tokio::test]
async fn a_line_of_json_for_each_batch() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    fs::write(&path, "old\n").unwrap();
    let batches = [batch_with(1, "a", "x"), batch_with(2, "b", "line\nbreak")];
    let found = written(json!({"path": path}), &batches).await.unwrap();
    let expected = [
        json_of(&batches[0]),
        b"\n".to_vec(),
        json_of(&batches[1]),
        b"\n".to_vec(),
    ]
    .concat();
    assert_eq!(found, expected, "the old content goes");
    let lines: Vec<_> = found
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert!(json::read(line).is_ok());
    }
}

#[tokio::test]
async fn appends_behind_a_line_that_was_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    fs::write(&path, "{\"half").unwrap();
    let batch = batch_with(1, "a", "x");
    let found = written(json!({"path": path, "append": true}), std::slice::from_ref(&batch))
        .await
        .unwrap();
    assert_eq!(found, [b"{\"half\n".to_vec(), json_of(&batch), b"\n".to_vec()].concat());
}

#[tokio::test]
async fn a_second_start_in_the_process_empties_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    fs::write(&path, "old\n").unwrap();
    let batch = batch_with(1, "a", "x");
    let once = written(json!({"path": path}), std::slice::from_ref(&batch))
        .await
        .unwrap();
    // The same file by another name.
    std::os::unix::fs::symlink(directory.path(), directory.path().join("link")).unwrap();
    let path = directory.path().join("link/traces.jsonl");
    let twice = written(json!({"path": path}), std::slice::from_ref(&batch))
        .await
        .unwrap();
    assert_eq!(twice, [once.clone(), once].concat());
}

#[tokio::test]
async fn a_check_says_what_a_start_would_and_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    fs::write(&path, "old").unwrap();
    testing::exporter::<Config>(json!({"path": path}))
        .check()
        .await
        .unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    for wrong in [directory.path(), &directory.path().join("missing/traces.jsonl")] {
        let fault = testing::exporter::<Config>(json!({"path": wrong}))
            .check()
            .await
            .unwrap_err();
        let text = format!("{fault:#}");
        assert!(text.contains(&wrong.display().to_string()), "{text}");
    }
    testing::exporter::<Config>(json!({"path": "/dev/full"}))
        .check()
        .await
        .unwrap();
}

#[tokio::test]
async fn records_with_their_length() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.bin");
    let batches = [batch_with(1, "a", "x"), batch_with(2, "b", "y")];
    let found = written(json!({"path": path, "format": "proto"}), &batches)
        .await
        .unwrap();
    assert_eq!(records(&found), batches.iter().map(wire).collect::<Vec<_>>());
    for (format, plain) in [
        ("proto", [wire(&batches[0]), wire(&batches[1])]),
        ("json", [json_of(&batches[0]), json_of(&batches[1])]),
    ] {
        let path = directory.path().join(format);
        let found = written(json!({"path": path, "format": format, "compression": "zstd"}), &batches)
            .await
            .unwrap();
        let inflated: Vec<_> = records(&found)
            .iter()
            .map(|record| compression::inflate(Encoding::Zstd, record, 1 << 20).unwrap().to_vec())
            .collect();
        assert_eq!(inflated, plain, "{format}");
    }
}

#[tokio::test]
async fn an_unwritable_path_ends_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("missing/traces.jsonl");
    let fault = written(json!({"path": path}), &[]).await.unwrap_err();
    let text = format!("{fault:#}");
    assert!(
        text.contains("cannot write") && text.contains("missing/traces.jsonl") && text.contains("No such file"),
        "{text}"
    );
    assert!(!text.contains('\n'), "{text}");
    let fault = written(json!({"path": directory.path()}), &[]).await.unwrap_err();
    assert!(format!("{fault:#}").contains("directory"), "{fault:#}");
    let found = written(
        json!({"path": path, "create_directory": true}),
        &[batch_with(1, "a", "x")],
    )
    .await
    .unwrap();
    assert!(!found.is_empty());
}

#[tokio::test]
async fn a_full_disk_is_to_be_retried() {
    let exporter = testing::exporter::<Config>(json!({"path": "/dev/full"}));
    exporter.open().await.unwrap();
    let error = exporter.export(&batch_with(1, "a", "x")).await.unwrap_err();
    assert!(matches!(error, ExportError::Retry { .. }), "{error}");
    assert!(error.to_string().contains("No space left on device"), "{error}");
}

#[test]
fn half_a_record_is_cut_off_before_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    let mut writer = Writer::begin(path.clone()).unwrap();
    writer.write(b"one\n", UNIX_EPOCH).unwrap();
    writer.tear(b"tw");
    writer.write(b"three\n", UNIX_EPOCH).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"one\nthree\n");
}

#[test]
fn begins_new_files_and_deletes_old_ones() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.json");
    for stranger in [
        "traces-notes.json",
        "traces.json.bak",
        "other-2020-01-01T00-00-00.000.json",
    ] {
        fs::write(directory.path().join(stranger), "mine").unwrap();
    }
    let rotate = Rotate {
        bytes: 10,
        age: Duration::ZERO,
        backups: 2,
    };
    let mut writer = Writer::resume(path.clone(), Some(rotate)).unwrap();
    let at = |seconds: u64| UNIX_EPOCH + Duration::from_millis(1_581_452_772_042 + seconds * 1000);
    writer.write(b"a larger record\n", at(0)).unwrap();
    for record in [b"1\n", b"2\n", b"3\n", b"4\n", b"5\n"] {
        writer.write(record, at(0)).unwrap();
    }
    // The second old file of the same moment gets the next free name.
    writer.write(b"666666666\n", at(0)).unwrap();
    let first = "traces-2020-02-11T20-26-12.042.json";
    let second = "traces-2020-02-11T20-26-12.043.json";
    let strangers = [
        "other-2020-01-01T00-00-00.000.json",
        "traces-notes.json",
        "traces.json",
        "traces.json.bak",
    ];
    let mut expected = [&[first, second][..], &strangers].concat();
    expected.sort_unstable();
    assert_eq!(names(directory.path()), expected);
    assert_eq!(fs::read(directory.path().join(first)).unwrap(), b"a larger record\n");
    assert_eq!(fs::read(directory.path().join(second)).unwrap(), b"1\n2\n3\n4\n5\n");
    assert_eq!(fs::read(&path).unwrap(), b"666666666\n");
    writer.write(b"7\n", at(60)).unwrap();
    assert!(!directory.path().join(first).exists(), "two are kept");
    assert!(directory.path().join(second).exists());
}

#[test]
fn old_files_go_by_age() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces");
    let day = Duration::from_secs(86_400);
    let rotate = Rotate {
        bytes: 1,
        age: day,
        backups: 0,
    };
    let mut writer = Writer::resume(path, Some(rotate)).unwrap();
    for days in [0, 1, 2, 3] {
        writer.write(b"x", UNIX_EPOCH + day * days).unwrap();
    }
    let expected = [
        "traces",
        "traces-1970-01-03T00-00-00.000",
        "traces-1970-01-04T00-00-00.000",
    ];
    assert_eq!(names(directory.path()), expected);
}

#[tokio::test]
async fn a_second_start_with_rotation_keeps_the_first_ones_records() {
    let directory = tempfile::tempdir().unwrap();
    let config = json!({"path": directory.path().join("t.json"), "rotation": {}});
    let batch = batch_with(1, "a", "x");
    let once = written(config.clone(), std::slice::from_ref(&batch)).await.unwrap();
    let twice = written(config, std::slice::from_ref(&batch)).await.unwrap();
    assert_eq!(twice, [once.clone(), once].concat());
}

#[test]
fn faults_are_told_all_at_once() {
    let wrong = json!({
        "append": true,
        "compression": "zstd",
        "flush_interval": "0s",
        "directory_permissions": "rwx",
        "rotation": {"max_megabytes": 0, "localtime": true},
    });
    let found = faults::<Config>(wrong);
    let paths: Vec<_> = found.iter().map(|fault| fault.split(':').next().unwrap()).collect();
    let expected = [
        "path",
        "flush_interval",
        "directory_permissions",
        "append",
        "append",
        "rotation",
        "rotation",
    ];
    assert_eq!(paths, expected, "{found:#?}");
    assert_eq!(
        faults::<Config>(json!({"path": "/dev/stdout", "rotation": {}})),
        ["rotation: does not work on a device"]
    );
    assert_eq!(faults::<Config>(json!({"path": "/dev/stdout"})), [""; 0]);
}
