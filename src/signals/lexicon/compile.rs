//! Compiles lexicon files into one lexicon: spellings first, then cues and phrases. Refuses what a file says wrong, with the file
//! and the place.

use super::automaton::Builder;
use super::file::{Cue, File, Group};
use super::pattern::{self, Sets};
use super::{Entry, Lexicon, SignalType, Target, Vocabulary, text};

/// What is wrong with a lexicon.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::signals) enum Fault {
    /// The text, its fields or a phrase.
    Malformed(String),
    /// A type that there is not.
    UnknownType(String),
}

/// A lexicon in the making.
struct Compiler {
    vocabulary: Vocabulary,
    builder: Builder,
    entries: Vec<Entry>,
    cues: Vec<(u32, Cue)>,
}

impl Lexicon {
    /// Compiles lexicons, given as name and YAML. The error names the one at fault.
    pub(in crate::signals) fn compile(sources: &[(&str, &str)]) -> Result<Self, (String, Fault)> {
        let mut compiler = Compiler {
            vocabulary: Vocabulary::default(),
            builder: Builder::new(),
            entries: Vec::new(),
            cues: Vec::new(),
        };
        let mut files = Vec::with_capacity(sources.len());
        for (name, yaml) in sources {
            let fail = |fault| ((*name).to_owned(), fault);
            let file: File = serde_yaml::from_str(yaml).map_err(|error| fail(Fault::Malformed(error.to_string())))?;
            // Spellings first, in every file: phrases are read through them.
            compiler
                .spellings(&file)
                .map_err(|reason| fail(Fault::Malformed(reason)))?;
            files.push((name, file));
        }
        for (name, file) in files {
            compiler.file(&file).map_err(|fault| ((*name).to_owned(), fault))?;
        }
        compiler.finish().ok_or_else(|| {
            let name = sources.last().map_or_else(String::new, |(name, _)| (*name).to_owned());
            (
                name,
                Fault::Malformed("the phrases have too many combinations: use fewer alternatives".into()),
            )
        })
    }
}

impl Compiler {
    fn spellings(&mut self, file: &File) -> Result<(), String> {
        for (words, variants) in &file.words {
            let mut symbols = Vec::new();
            for word in text::fold(words) {
                symbols.extend_from_slice(self.vocabulary.intern(&word));
            }
            for variant in variants {
                let [folded] = text::fold(variant)
                    .try_into()
                    .map_err(|_| format!("words: `{variant}` is not one word"))?;
                if !self.vocabulary.alias(&folded, &symbols) {
                    return Err(format!("words: `{variant}` stands twice"));
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, file: &File) -> Result<(), Fault> {
        for (&cue, words) in &file.cues {
            for word in words.iter().flat_map(|word| text::fold(word)) {
                let symbols = self.vocabulary.intern(&word).to_vec();
                self.cues.extend(symbols.into_iter().map(|symbol| (symbol, cue)));
            }
        }
        let plain = |phrases: &[String]| Group {
            phrases: phrases.to_vec(),
            unless: Vec::new(),
            ..Group::default()
        };
        self.group(&plain(&file.neutral), Target::Neutral, &file.sets)?;
        self.group(&plain(&file.mention), Target::Mention, &file.sets)?;
        self.group(&plain(&file.mention_behind), Target::MentionBehind, &file.sets)?;
        for (name, groups) in &file.signals {
            let kind = SignalType::from_name(name).ok_or_else(|| Fault::UnknownType(name.clone()))?;
            for group in groups {
                self.group(group, Target::Signal(kind), &file.sets)?;
            }
        }
        Ok(())
    }

    fn group(&mut self, group: &Group, target: Target, sets: &Sets) -> Result<(), Fault> {
        if !(0.0..=1.0).contains(&group.confidence) {
            return Err(Fault::Malformed(format!(
                "confidence {} is not between 0 and 1",
                group.confidence
            )));
        }
        for phrase in &group.phrases {
            let pattern = pattern::parse(phrase, sets)
                .map_err(|reason| Fault::Malformed(format!("phrase `{phrase}`: {reason}")))?;
            let entry = self.entry(Entry {
                target,
                confidence: group.confidence,
                place: group.at,
                at_start: pattern.at_start,
                guards: group.unless.clone(),
            });
            self.builder.add(&pattern.parts, entry, &mut self.vocabulary);
        }
        Ok(())
    }

    /// The number of an entry. Phrases of equal meaning and conditions share one, which keeps the automaton small.
    fn entry(&mut self, entry: Entry) -> u32 {
        let known = self.entries.iter().position(|other| *other == entry);
        let number = known.unwrap_or_else(|| {
            self.entries.push(entry);
            self.entries.len() - 1
        });
        u32::try_from(number).expect("a file has fewer than 2^32 phrases")
    }

    fn finish(mut self) -> Option<Lexicon> {
        self.vocabulary.finish();
        let symbols = self.vocabulary.symbol_count();
        let mut cues = vec![0; symbols];
        for (symbol, cue) in self.cues {
            cues[symbol as usize] |= cue.bit();
        }
        let automaton = self.builder.build(symbols)?;
        Some(Lexicon {
            vocabulary: self.vocabulary,
            automaton,
            entries: self.entries,
            cues,
        })
    }
}
