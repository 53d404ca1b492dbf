//! What stands behind the `?` of an address: names and values as browsers write them. Refuses names that are not known, so that a
//! misspelt filter is never taken for none.

use std::str::FromStr;

use percent_encoding::percent_decode_str;

use super::answer::Fault;

/// The parameters of a question.
#[derive(Debug)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads them. An empty value is as good as none.
    ///
    /// # Errors
    /// A name that is not known here or comes twice; what is no text.
    pub(super) fn read(query: Option<&str>, known: &[&str]) -> Result<Params, Fault> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if !known.contains(&name.as_str()) {
                let known = match known {
                    [] => "none is taken here".to_owned(),
                    known => format!("known here: {}", known.join(", ")),
                };
                return Err(Fault::unclear(format!("unknown parameter {name:?}; {known}")));
            }
            if pairs.iter().any(|(earlier, _)| *earlier == name) {
                return Err(Fault::unclear(format!("the parameter {name} is given twice")));
            }
            pairs.push((name, value));
        }
        Ok(Params(pairs))
    }

    /// The value, where there is one.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name)?;
        Some(found.1.as_str()).filter(|value| !value.is_empty())
    }

    /// A whole number.
    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Fault> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let fault = || Fault::unclear(format!("{name} is {text:?}; it must be a whole number from 0 on"));
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        Ok(Some(number.ok_or_else(fault)?))
    }

    /// `true` or `false`; no without it.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Fault> {
        match self.text(name) {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(text) => Err(Fault::unclear(format!("{name} is {text:?}; it must be true or false"))),
        }
    }
}

/// A plus stands for a blank, as in forms.
fn decode(text: &str) -> Result<String, Fault> {
    let blanks = text.replace('+', " ");
    let decoded = percent_decode_str(&blanks).decode_utf8();
    let decoded = decoded.map_err(|_| Fault::unclear("what stands behind the ? of the address is no UTF-8"))?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: Result<&[(&str, &str)], &str>) {
        let read = Params::read(Some(query), &["filter", "limit", "flagged"]);
        match (read, expected) {
            (Ok(Params(pairs)), Ok(expected)) => {
                let pairs: Vec<(&str, &str)> = pairs
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                assert_eq!(pairs, expected, "{query}");
            }
            (Err(fault), Err(part)) => assert!(format!("{fault:?}").contains(part), "{query}: {fault:?}"),
            (read, _) => panic!("{query}: {read:?}"),
        }
    }

    #[test]
    fn names_and_values_are_decoded_and_known() {
        check("", Ok(&[]));
        check("&&", Ok(&[]));
        check(
            "filter=a%3D1+b%3e2&limit=5",
            Ok(&[("filter", "a=1 b>2"), ("limit", "5")]),
        );
        check("filter=%F0%9F%9A%A9=x=y", Ok(&[("filter", "🚩=x=y")]));
        check("filter=%2B%&flagged", Ok(&[("filter", "+%"), ("flagged", "")]));
        check("filtre=x", Err("known here: filter, limit, flagged"));
        check("filter=a&filter=b", Err("given twice"));
        check("filter=%ff", Err("no UTF-8"));
    }

    #[test]
    fn values_are_what_they_must_be() {
        let read = |query| Params::read(Some(query), &["n"]).expect("known");
        assert_eq!(read("n=5").number::<u64>("n").expect("a number"), Some(5));
        assert_eq!(read("n=").number::<u64>("n").expect("none"), None);
        for wrong in ["n=-1", "n=%2B1", "n=x", "n=1.5", "n=99999999999999999999"] {
            assert!(read(wrong).number::<u64>("n").is_err(), "{wrong}");
        }
        assert!(read("n=true").flag("n").expect("true"));
        assert!(!read("n=false").flag("n").expect("false"));
        assert!(read("n=yes").flag("n").is_err());
    }
}
