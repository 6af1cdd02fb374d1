//! Saved scenarios: every shipped and every older file loads, survives a round trip, and still does what was recorded.

#![expect(clippy::unwrap_used, reason = "a test may fail on the spot")]

use std::fs;
use std::path::{Path, PathBuf};

use waferscope::scenario::file::scenario::{read, write};
use waferscope::scenario::file::store;
use waferscope::scenario::replay::{self, Outcome, Verdict};
use waferscope::scenario::{Defects, Source, library};
use waferscope::sim::{Command, MODEL_REVISION};
use xxhash_rust::xxh3::xxh3_64;

/// Scenario files of a folder of the repository, in order.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "ron"));
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

#[test]
fn shipped_scenarios_are_written_as_they_are_read() {
    for path in files("saves") {
        let bytes = store::read(&path).unwrap();
        let opened = read(&bytes, &name(&path)).unwrap();
        assert_eq!((opened.notice, opened.read_only), (None, false), "{}", path.display());
        assert_eq!(write(&opened.scenario).as_bytes(), bytes, "{}", path.display());
    }
}

#[test]
fn shipped_scenarios_do_what_was_recorded() {
    let mut refused = Vec::new();
    for path in files("saves") {
        let scenario = read(&store::read(&path).unwrap(), &name(&path)).unwrap().scenario;
        match replay::verify(&scenario).unwrap() {
            Verdict::Verified { hashes, outcome: Outcome::Finished { cycles } } => {
                assert_eq!(hashes, 16, "{}", path.display());
                assert!(cycles > 0, "{}", path.display());
            }
            Verdict::Verified { outcome: Outcome::Refused { reasons }, .. } => refused.push((name(&path), reasons)),
            other => panic!("{}: {other:?}", path.display()),
        }
    }
    // The one that does not fit says so with amounts and a way out, and that is what is recorded.
    let [(name, reasons)] = &refused[..] else { panic!("one shipped scenario is refused: {refused:?}") };
    assert_eq!(name, "llama-70b-does-not-fit");
    assert!(reasons[0].contains(" GB") && reasons[0].contains("stream the weights"), "{reasons:?}");
}

#[test]
fn the_shipped_list_is_the_folder() {
    let mut listed: Vec<String> = library::ALL.iter().map(|shipped| shipped.name.to_owned()).collect();
    listed.sort();
    assert_eq!(listed, files("saves").iter().map(|path| name(path)).collect::<Vec<_>>());
    for shipped in library::ALL {
        let scenario = shipped.scenario();
        assert!(!scenario.title.is_empty() && scenario.question.ends_with('?'), "{}", shipped.name);
    }
}

#[test]
fn a_changed_hash_names_the_first_cycle_that_differs() {
    let mut scenario = library::ALL.iter().find(|shipped| shipped.name == "tiny-resident").unwrap().scenario();
    let recording = scenario.recording.as_mut().unwrap();
    recording.hashes[5].1 ^= 1;
    recording.hashes[9].1 ^= 1;
    let cycle = recording.hashes[5].0;
    let Verdict::Differs { first_difference_cycle, .. } = replay::verify(&scenario).unwrap() else { panic!() };
    assert_eq!(first_difference_cycle, Some(cycle));

    scenario.recording.as_mut().unwrap().model_revision += 1;
    let other = Verdict::OtherRevision { recorded: MODEL_REVISION + 1, ours: MODEL_REVISION };
    assert_eq!(replay::verify(&scenario).unwrap(), other);
    scenario.recording = None;
    assert_eq!(replay::verify(&scenario).unwrap(), Verdict::NotRecorded);
}

#[test]
fn a_recording_survives_its_file() {
    let mut scenario = library::ALL.iter().find(|shipped| shipped.name == "tiny-resident").unwrap().scenario();
    let recording = replay::record(&scenario).unwrap();
    assert_eq!(recording.commands[0].command, Command::RunToEnd);
    scenario.recording = Some(recording);
    scenario.pinned = vec![waferscope::scenario::PinnedKernel {
        block: Some(2),
        op: "mlp.up".to_owned(),
        wafer: 3,
        rect: waferscope::hardware::Rect { x: 100, y: 700, width: 40, height: 60 },
    }];
    scenario.model = Source::Embedded {
        file_name: "odd \"name\".json".to_owned(),
        text: "{\n\t\"model_type\": \"gpt2\", \"ö\": \"\\\\ )\"\n}".to_owned(),
    };
    assert_eq!(read(write(&scenario).as_bytes(), "again").unwrap().scenario, scenario);
}

/// Files of older versions are frozen: whoever changes one has broken the promise to read what users have.
const FROZEN: [(&str, u64); 1] = [("tests/data/saves/v0/cerebras-gpt-13b.ron", 0xb1e2_f732_2223_8d37)];

#[test]
fn older_files_are_frozen_and_migrate() {
    for (file, hash) in FROZEN {
        let bytes = store::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        assert_eq!(xxh3_64(&bytes), hash, "{file} was changed: {:#018x}", xxh3_64(&bytes));
        let opened = read(&bytes, file).unwrap();
        assert!(opened.notice.unwrap().contains("version 0.3") && !opened.read_only);
        let scenario = opened.scenario;
        assert_eq!(scenario.title, "Cerebras-GPT 13B");
        assert_eq!(scenario.device, Source::BuiltIn("wse2".to_owned()));
        assert_eq!(scenario.defects, Defects::Random { per_mm2: 0.002, seed: 11 });
        assert_eq!((scenario.job.batch, scenario.job.sequence, scenario.job.systems), (16, 2048, 1));
        // Once written it is of this version, and means the same.
        let again = read(write(&scenario).as_bytes(), file).unwrap();
        assert_eq!((again.scenario, again.notice), (scenario.clone(), None));
        assert!(matches!(replay::record(&scenario).unwrap().outcome, Outcome::Finished { cycles } if cycles > 0));
    }
    let known = FROZEN.map(|(file, _)| Path::new(env!("CARGO_MANIFEST_DIR")).join(file));
    assert_eq!(files("tests/data/saves/v0"), known);
}

#[test]
fn newer_files_are_opened_read_only_or_refused_in_words() {
    let bytes = library::ALL[0].bytes;
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.contains("version: (1, 0)"));
    let newer = text.replace("version: (1, 0)", "version: (1, 7), mood: \"calm\"");
    let opened = read(newer.as_bytes(), "newer.ron").unwrap();
    assert!(opened.read_only && opened.notice.unwrap().contains("format 1.7"));
    let alien = text.replace("version: (1, 0)", "version: (2, 0)");
    let error = read(alien.as_bytes(), "alien.ron").unwrap_err().to_string();
    assert_eq!(error, "alien.ron: version: expected a file of version 1, found 2.0");
}

#[test]
fn unknown_fields_are_refused_unless_a_newer_program_wrote_them() {
    let text = std::str::from_utf8(library::ALL[0].bytes).unwrap();
    let old = include_str!("data/saves/v0/cerebras-gpt-13b.ron");
    for (text, version, right, wrong, field) in [
        (text, "version: (1, 0)", "pinned: ", "pined: ", "pined"),
        (text, "version: (1, 0)", "batch: 32", "batch: 32, butch: 3", "butch"),
        (text, "version: (1, 0)", "per_mm2: ", "mood: 1, per_mm2: ", "mood"),
        (old, "version: (0, 3)", "seed: 11", "seed: 11, systems: 2", "systems"),
    ] {
        assert!(text.contains(right) && text.contains(version), "{right}");
        let wrong = text.replacen(right, wrong, 1);
        let error = read(wrong.as_bytes(), "wrong.ron").unwrap_err().to_string();
        let told = format!("found the unknown field \"{field}\"");
        assert!(error.starts_with("wrong.ron:") && error.contains(&told) && !error.contains('\n'), "{error}");
        if version == "version: (1, 0)" {
            let newer = read(wrong.replace(version, "version: (1, 1)").as_bytes(), "newer.ron").unwrap();
            assert!(newer.read_only, "{field}");
        }
    }
}

#[test]
fn wrong_values_name_their_field() {
    let text = std::str::from_utf8(library::ALL[0].bytes).unwrap();
    for (right, wrong, field) in [
        ("batch: 32", "batch: 0", "job.batch"),
        ("batch: 32", "batch: -1", "job.batch"),
        ("batch: 32", "batch: 18446744073709551616", "job.batch"),
        ("sequence: 2048", "sequence: 1000000000", "job.sequence"),
        ("per_mm2: 0.001", "per_mm2: NaN", "defects.per_mm2"),
        ("per_mm2: 0.001", "per_mm2: -1.0", "defects.per_mm2"),
        ("per_mm2: 0.001", "per_mm2: inf", "defects.per_mm2"),
        ("systems: 1", "systems: 0", "job.systems"),
        ("work: Train", "work: Dream", "job.work"),
        ("mapping: Streaming", "mapping: 3", "job.mapping"),
        ("seed: 46", "seed: \"46\"", "defects.seed"),
    ] {
        assert!(text.contains(right), "{right}");
        let error = read(text.replacen(right, wrong, 1).as_bytes(), "wrong.ron").unwrap_err().to_string();
        assert!(error.starts_with("wrong.ron") && error.contains(field), "{wrong}: {error}");
        assert!(!error.contains('\n') && error.len() < 400, "{error}");
    }
}

#[test]
fn hostile_bytes_give_a_sentence() {
    let whole = library::ALL[0].bytes;
    let mut hostile: Vec<Vec<u8>> = vec![
        Vec::new(),
        vec![0; 4096],
        (0..=255).collect(),
        b"(".repeat(2_000_000),
        b"(version: (1, 0), title: ".to_vec(),
        [b"(version: (1, 0), title: ".as_slice(), &b"[".repeat(1_000_000)].concat(),
        b"()".to_vec(),
        b"(version: 1)".to_vec(),
        b"(version: (1, 0))".to_vec(),
    ];
    // Every truncation of a good file; the last ones only lack the end of the line.
    hostile.extend((1..whole.len() - 2).step_by(7).map(|end| whole[..end].to_vec()));
    for bytes in hostile {
        let error = read(&bytes, "hostile.ron").unwrap_err().to_string();
        assert!(error.starts_with("hostile.ron") && !error.contains('\n') && error.len() < 400, "{error}");
    }
}

#[test]
fn writes_to_one_path_at_once_leave_one_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared.ron");
    let texts = [vec![b'a'; 100_000], vec![b'b'; 50_000], vec![b'c'; 10]];
    std::thread::scope(|scope| {
        for text in &texts {
            scope.spawn(|| (0..20).for_each(|_| store::write(&path, text).unwrap()));
        }
        for _ in 0..200 {
            // There is none before the first write ends.
            let found = store::read(&path).ok();
            assert!(found.is_none_or(|found| texts.contains(&found)), "a file of two writes");
        }
    });
    assert!(texts.contains(&store::read(&path).unwrap()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file was left");
}
