//! The user's own lexicons: read from their files, and checked before anything starts, each fault at the place of its file in
//! the list.

use std::path::Path;

use crate::{
    pipeline::Fault,
    signals::{Analyzer, Settings, SettingsError},
};

/// The files' names with their texts.
pub(super) fn read(paths: &[String]) -> anyhow::Result<Vec<(String, String)>> {
    let read = |path: &String| read_one(path).map_err(|reason| anyhow::anyhow!("lexicon {path}: {reason}"));
    paths.iter().map(read).collect()
}

fn read_one(path: &String) -> Result<(String, String), String> {
    let text = std::fs::read_to_string(Path::new(path)).map_err(|error| error.to_string())?;
    Ok((path.clone(), text))
}

/// What is wrong with them: a file that cannot be read, one that is no lexicon, or one that does not go with the others.
pub(super) fn faults(paths: &[String], settings: &Settings) -> Vec<Fault> {
    let mut all = Vec::new();
    let mut faults = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        let alone = |lexicon: &(String, String)| Settings {
            languages: Vec::new(),
            lexicons: vec![lexicon.clone()],
            ..Settings::default()
        };
        let checked = read_one(path).and_then(|lexicon| match refused(alone(&lexicon)) {
            Some((_, reason)) => Err(reason),
            None => Ok(lexicon),
        });
        match checked {
            Ok(lexicon) => all.push(lexicon),
            Err(reason) => faults.push(at(index, path, &reason)),
        }
    }
    if faults.is_empty() && !all.is_empty() && settings.check().is_ok() {
        let together = Settings {
            lexicons: all,
            ..settings.clone()
        };
        faults.extend(refused(together).map(|(name, reason)| {
            let index = paths.iter().position(|path| *path == name).unwrap_or_default();
            at(index, &name, &reason)
        }));
    }
    faults
}

fn at(index: usize, path: &str, reason: &str) -> Fault {
    Fault::at(format!("lexicons::{index}"), format!("{path}: {reason}"))
}

/// Which lexicon an analyzer refuses, and why.
fn refused(settings: Settings) -> Option<(String, String)> {
    let error = Analyzer::new(settings).err()?;
    let text = error.to_string();
    let name = match error {
        SettingsError::Lexicon { name, .. } | SettingsError::UnknownTypeInLexicon { name, .. } => name,
        SettingsError::UnknownLanguage { .. } | SettingsError::UnknownType { .. } => return None,
    };
    let reason = text
        .strip_prefix(&format!("lexicon {name}: "))
        .unwrap_or(&text)
        .to_owned();
    Some((name, reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        pipeline::Build as _,
        processors::signals::Config,
        signals::{Conversation, Message, Role},
    };

    fn check(texts: &[&str], expected: &[(&str, &str)]) {
        let folder = tempfile::tempdir().expect("a directory");
        let write = |(index, text): (usize, &&str)| {
            let path = folder.path().join(format!("{index}.yaml"));
            std::fs::write(&path, text).expect("written");
            path.display().to_string()
        };
        let mut lexicons: Vec<_> = texts.iter().enumerate().map(write).collect();
        lexicons.push("/no/such.yaml".to_owned());
        let config = Config {
            lexicons: if expected.iter().any(|(_, reason)| reason.contains("No such file")) {
                lexicons
            } else {
                lexicons[..texts.len()].to_vec()
            },
            ..Config::default()
        };
        let faults = config.validate();
        assert_eq!(faults.len(), expected.len(), "{faults:?}");
        for (fault, (path, reason)) in faults.iter().zip(expected) {
            assert!(fault.path == *path && fault.reason.contains(reason), "{fault:?}");
        }
    }

    #[test]
    fn the_documented_example_finds_what_it_says() {
        let text = include_str!("../../../docs/examples/lexicon.yaml");
        assert!(include_str!("../../../docs/signals.md").contains(text));
        let settings = Settings {
            lexicons: vec![("lexicon.yaml".to_owned(), text.to_owned())],
            ..Settings::default()
        };
        let analyzer = Analyzer::new(settings).expect("valid");
        for (text, expected) in [
            (
                "The bookshop bot is so clumsy.",
                Some("interaction.disengagement.negative_stance"),
            ),
            ("Nothing but red tape!", None),
            ("It is all red tape!", Some("interaction.disengagement.negative_stance")),
            ("Where do I find a red tape measure?", None),
            ("Get the bookseller", Some("interaction.disengagement.escalation")),
            ("Do not call the bookseller", None),
            ("bookseller please", Some("interaction.disengagement.escalation")),
            ("Who is the bookseller of this shop?", None),
        ] {
            let messages = vec![Message::new(Role::User, text)];
            let report = analyzer.analyze(&Conversation { messages });
            let found: Vec<_> = report.signals.iter().map(|signal| signal.kind.name()).collect();
            assert_eq!(found, Vec::from_iter(expected), "{text}");
        }
    }

    #[test]
    fn a_faulty_lexicon_is_told_with_its_place() {
        let good = "signals: {interaction.disengagement.quit: [{phrases: [zork]}]}";
        check(&[], &[]);
        check(&[good], &[]);
        check(&[], &[("lexicons::0", "No such file")]);
        check(&[good, "signals: ["], &[("lexicons::1", "1.yaml: ")]);
        check(&["nonsense: 1", good], &[("lexicons::0", "nonsense")]);
        check(
            &[
                "signals: {interaction.disengagement.quiet: []}",
                "signals: {interaction.disengagement.quit: [{phrases: ['(a']}]}",
            ],
            &[
                ("lexicons::0", "did you mean"),
                ("lexicons::1", "phrase `(a`"),
                ("lexicons::2", "No such file"),
            ],
        );
        // English spells this so already.
        check(
            &["words: {'do not': [dont]}"],
            &[("lexicons::0", "`dont` stands twice")],
        );
    }
}
