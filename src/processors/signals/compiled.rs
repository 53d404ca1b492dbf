//! The analyzer, compiled beside the start: reading the lexicons takes longer than everything else that a pipeline needs before
//! it can listen. Only lexicons that ship are left to the background, since they are known to compile; a user's own are compiled
//! at once, so that a fault in one ends the start. A conversation that comes too early waits.

use std::sync::{Arc, OnceLock};

use crate::signals::{Analyzer, Settings, SettingsError};

/// An analyzer that is there or is coming.
pub(super) struct Compiled {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    analyzer: OnceLock<Analyzer>,
}

impl Compiled {
    /// Begins to compile.
    ///
    /// # Errors
    /// As [`Analyzer::new`] has them.
    pub(super) fn new(settings: Settings) -> Result<Compiled, SettingsError> {
        settings.check()?;
        let own = !settings.lexicons.is_empty();
        let shared = Arc::new(Shared {
            settings,
            analyzer: OnceLock::new(),
        });
        if own {
            let analyzer = Analyzer::new(shared.settings.clone())?;
            shared.analyzer.get_or_init(|| analyzer);
        } else {
            let shared = Arc::clone(&shared);
            let background = std::thread::Builder::new().name("lexicons".to_owned());
            // Without a thread, the first conversation compiles.
            let _ = background.spawn(move || {
                shared.get();
            });
        }
        Ok(Compiled { shared })
    }

    /// The analyzer.
    pub(super) fn get(&self) -> &Analyzer {
        self.shared.get()
    }
}

impl Shared {
    fn get(&self) -> &Analyzer {
        self.analyzer.get_or_init(|| {
            Analyzer::new(self.settings.clone()).expect("the names were checked, and the lexicons that ship compile")
        })
    }
}
