//! SQL without its values: numbers, strings, booleans and NULL become `?`, lists of them one `?`, comments and aliases go. Reads the text in
//! words and signs only, since dialects are many. Refuses what it cannot read to the end, since a value might stand there.

use std::borrow::Cow;

/// What a piece of a query is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A name, or a word that may begin a query within a query.
    Word,
    /// Any other word that SQL knows.
    Keyword,
    As,
    Savepoint,
    /// A value.
    Literal,
    /// In double quotes: a name, or a value after `=`.
    Quoted,
    Comment,
    Sign(char),
    /// More than one sign, a bind variable.
    Other,
    /// Gone, and so are those like it that follow.
    Grouped,
    /// The same for an opening parenthesis, behind which a query may begin.
    GroupedParenthesis,
    /// Gone.
    Gone,
    /// Within the brackets of an alias.
    Alias,
}

struct Unreadable;

type Piece<'a> = (Kind, Cow<'a, str>);

/// The query without values; `None` where it cannot be read.
pub(super) fn obfuscate(sql: &str) -> Option<String> {
    let mut lexer = Lexer::new(sql, Escapes::Backslash);
    if let Ok(text) = write(&mut lexer) {
        return text;
    }
    // In some dialects a backslash is a character like others.
    let again = lexer.saw_backslash.then(|| write(&mut Lexer::new(sql, Escapes::None)));
    again?.ok().flatten()
}

fn write(lexer: &mut Lexer<'_>) -> Result<Option<String>, Unreadable> {
    let mut out = String::with_capacity(lexer.text.len());
    let mut last = Kind::Gone;
    let mut groups = Groups::default();
    while let Some((kind, text)) = lexer.next()? {
        let (kind, text) = discard(kind, text, last)?;
        let (kind, text) = replace(kind, text, last);
        let (kind, text) = groups.filter(kind, text, last);
        if let Some(text) = text {
            let is_attached = kind == Kind::Sign(',') || (kind == Kind::Sign('=') && last == Kind::Sign(':'));
            if !out.is_empty() && !is_attached {
                out.push(' ');
            }
            out.push_str(&text);
        }
        last = kind;
    }
    Ok(Some(out).filter(|out| !out.is_empty()))
}

/// Drops comments, semicolons and aliases.
fn discard<'a>(kind: Kind, text: Cow<'a, str>, last: Kind) -> Result<(Kind, Option<Cow<'a, str>>), Unreadable> {
    Ok(match (last, kind) {
        (Kind::Alias, Kind::Word) => (Kind::Alias, None),
        (Kind::Alias, Kind::Sign(']')) => (Kind::Gone, None),
        (Kind::Alias, _) => return Err(Unreadable),
        (Kind::As, Kind::Sign('[')) => (Kind::Alias, None),
        (Kind::As, _) | (_, Kind::Comment) => (Kind::Gone, None),
        (_, Kind::Sign(';')) => (Kind::Grouped, None),
        (_, Kind::As) => (Kind::As, None),
        _ => (kind, Some(text)),
    })
}

/// Puts question marks in the place of values.
fn replace<'a>(kind: Kind, text: Option<Cow<'a, str>>, last: Kind) -> (Kind, Option<Cow<'a, str>>) {
    let is_value = match kind {
        Kind::Literal | Kind::Sign('?') => true,
        Kind::Quoted => last == Kind::Sign('='),
        _ => false,
    };
    if is_value || last == Kind::Savepoint {
        let kind = if kind == Kind::Sign('(') {
            Kind::GroupedParenthesis
        } else {
            Kind::Grouped
        };
        return (kind, Some(Cow::Borrowed("?")));
    }
    (kind, text)
}

/// Makes lists of values one value, and lists of lists one list.
#[derive(Default)]
struct Groups {
    values: usize,
    lists: usize,
}

impl Groups {
    fn filter<'a>(&mut self, kind: Kind, text: Option<Cow<'a, str>>, last: Kind) -> (Kind, Option<Cow<'a, str>>) {
        let is_grouped = matches!(kind, Kind::Grouped | Kind::GroupedParenthesis);
        if (last == Kind::Sign('(') && is_grouped) || (kind == Kind::Sign('(') && self.lists > 0) {
            self.lists += 1;
        }
        let gone = match kind {
            Kind::Sign('(') => Kind::GroupedParenthesis,
            _ => Kind::Grouped,
        };
        if self.lists > 0 && last == Kind::GroupedParenthesis && kind == Kind::Word {
            *self = Groups::default();
            return (kind, Some(Cow::Owned(format!("( {}", text.unwrap_or_default()))));
        }
        if is_grouped {
            self.values += 1;
            return if self.values > 1 { (gone, None) } else { (kind, text) };
        }
        if (self.values > 0 && kind == Kind::Sign(',')) || self.lists > 1 {
            return (gone, None);
        }
        if !matches!(kind, Kind::Sign(',' | '(' | ')')) {
            *self = Groups::default();
        }
        (kind, text)
    }
}

/// What a backslash in a string means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    Backslash,
    None,
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    escapes: Escapes,
    saw_backslash: bool,
    /// Open braces of an escape sequence that the query is.
    braces: u32,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str, escapes: Escapes) -> Lexer<'a> {
        Lexer {
            text,
            at: 0,
            escapes,
            saw_backslash: false,
            braces: 0,
        }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.bump();
        }
        found
    }

    fn skip(&mut self, matches: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&matches) {
            self.bump();
        }
    }

    fn next(&mut self) -> Result<Option<Piece<'a>>, Unreadable> {
        self.skip(char::is_whitespace);
        let start = self.at;
        let Some(c) = self.bump() else { return Ok(None) };
        let kind = match c {
            _ if is_leading(c) => return Ok(Some(self.word(start))),
            '0'..='9' => {
                self.at = start;
                self.number()
            }
            '\'' => return self.string(c, Kind::Literal).map(Some),
            '"' => return self.string(c, Kind::Quoted).map(Some),
            '`' => return self.string(c, Kind::Word).map(Some),
            '$' => self.dollar()?,
            '%' => self.percent()?,
            '-' => self.minus(),
            '#' => self.line(),
            '/' if self.take('/') => self.line(),
            '/' if self.take('*') => self.comment()?,
            '.' if self.peek().is_some_and(is_digit) => {
                self.at = start;
                self.number()
            }
            ':' => self.colon()?,
            '~' if self.take('*') => Kind::Other,
            '<' if self.take('>') => Kind::Other,
            '<' if self.take('=') => {
                self.take('>');
                Kind::Other
            }
            '>' if self.take('=') => Kind::Other,
            '!' => self.bang()?,
            '{' => self.brace(start)?,
            '}' => {
                self.braces = self.braces.checked_sub(1).ok_or(Unreadable)?;
                Kind::Sign(c)
            }
            '=' | ',' | ';' | '(' | ')' | '+' | '*' | '&' | '|' | '^' | '[' | ']' | '?' | '.' | '/' | '~' | '<'
            | '>' => Kind::Sign(c),
            _ => return Err(Unreadable),
        };
        Ok(Some((kind, Cow::Borrowed(&self.text[start..self.at]))))
    }

    fn word(&mut self, start: usize) -> Piece<'a> {
        self.skip(|c| is_letter(c) || is_digit(c) || matches!(c, '.' | '*' | '$'));
        let text = &self.text[start..self.at];
        let kind = match text.to_uppercase().as_str() {
            "NULL" | "TRUE" | "FALSE" => Kind::Literal,
            "AS" => Kind::As,
            "SAVEPOINT" => Kind::Savepoint,
            "LIMIT" | "ALTER" | "CREATE" | "GRANT" | "REVOKE" | "COMMIT" | "BEGIN" | "TRUNCATE" | "DROP" | "FROM"
            | "INSERT" | "INTO" | "JOIN" => Kind::Keyword,
            _ => Kind::Word,
        };
        (kind, Cow::Borrowed(text))
    }

    fn number(&mut self) -> Kind {
        if self.take('0') {
            if self.take('x') || self.take('X') {
                self.skip(|c| c.is_ascii_hexdigit());
                return Kind::Literal;
            }
            self.skip(is_digit);
        } else {
            self.skip(is_digit);
        }
        if self.take('.') {
            self.skip(is_digit);
        }
        if self.take('e') || self.take('E') {
            if !self.take('+') {
                self.take('-');
            }
            self.skip(is_digit);
        }
        Kind::Literal
    }

    fn string(&mut self, end: char, kind: Kind) -> Result<Piece<'a>, Unreadable> {
        let mut text = String::new();
        loop {
            let mut c = self.bump().ok_or(Unreadable)?;
            if c == end && !self.take(end) {
                break;
            }
            if c == '\\' {
                self.saw_backslash = true;
                if self.escapes == Escapes::Backslash {
                    c = self.bump().ok_or(Unreadable)?;
                }
            }
            text.push(c);
        }
        if text.trim().is_empty() {
            text = format!("{end}{end}");
        }
        Ok((kind, Cow::Owned(text)))
    }

    /// `$1`, `$?`, or a string between `$tag$`.
    fn dollar(&mut self) -> Result<Kind, Unreadable> {
        if self.take('?') {
            return Ok(Kind::Literal);
        }
        if self.peek().is_some_and(is_digit) {
            return Ok(self.number());
        }
        let (_, tag) = self.string('$', Kind::Literal)?;
        let end = if tag == "$$" {
            tag.into_owned()
        } else {
            format!("${tag}$")
        };
        let found = self.text[self.at..].find(&end).ok_or(Unreadable)?;
        self.at += found + end.len();
        Ok(Kind::Literal)
    }

    /// `%s`, `%(name)s`, or the operator.
    fn percent(&mut self) -> Result<Kind, Unreadable> {
        if self.take('(') {
            self.skip(|c| c != ')');
            self.bump();
            return if self.bump().is_some_and(is_letter) {
                Ok(Kind::Literal)
            } else {
                Err(Unreadable)
            };
        }
        if self.peek().is_some_and(is_letter) {
            self.bump();
            return Ok(Kind::Literal);
        }
        Ok(Kind::Sign('%'))
    }

    fn minus(&mut self) -> Kind {
        if self.take('-') {
            return self.line();
        }
        let mut rest = self.text[self.at..].chars();
        match (rest.next(), rest.next()) {
            // As the agent has it: the minus of an arrow is a value.
            (Some('>'), _) => Kind::Literal,
            (Some('0'..='9'), _) | (Some('.'), Some('0'..='9')) => self.number(),
            _ => Kind::Sign('-'),
        }
    }

    fn line(&mut self) -> Kind {
        self.skip(|c| c != '\n');
        Kind::Comment
    }

    fn comment(&mut self) -> Result<Kind, Unreadable> {
        let found = self.text[self.at..].find("*/").ok_or(Unreadable)?;
        self.at += found + 2;
        Ok(Kind::Comment)
    }

    /// `::`, `:=`, a bind variable, or the sign alone.
    fn colon(&mut self) -> Result<Kind, Unreadable> {
        if self.take(':') {
            return Ok(Kind::Other);
        }
        match self.peek() {
            Some(']' | '$' | '=') => Ok(Kind::Sign(':')),
            Some(c) if c.is_whitespace() => Ok(Kind::Sign(':')),
            Some(c) if is_letter(c) || is_digit(c) => {
                self.skip(|c| is_letter(c) || is_digit(c) || c == '.');
                Ok(Kind::Other)
            }
            _ => Err(Unreadable),
        }
    }

    fn bang(&mut self) -> Result<Kind, Unreadable> {
        if self.take('=') {
            return Ok(Kind::Other);
        }
        if self.take('~') {
            self.take('*');
            return Ok(Kind::Other);
        }
        let may_follow = |c: char| {
            matches!(c, '(' | '`' | '\'' | '"' | '+' | '-') || c.is_whitespace() || is_letter(c) || is_digit(c)
        };
        if self.peek().is_some_and(may_follow) {
            Ok(Kind::Other)
        } else {
            Err(Unreadable)
        }
    }

    /// A sequence such as `{ts '2026-01-01'}` is a value; one that is the whole query is not.
    fn brace(&mut self, start: usize) -> Result<Kind, Unreadable> {
        if start == 0 || self.braces > 0 {
            self.braces += 1;
            return Ok(Kind::Sign('{'));
        }
        self.skip(|c| c != '}');
        if self.take('}') {
            Ok(Kind::Literal)
        } else {
            Err(Unreadable)
        }
    }
}

fn is_leading(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '@'
}

fn is_letter(c: char) -> bool {
    is_leading(c) || c == '#'
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

#[cfg(test)]
mod tests;
