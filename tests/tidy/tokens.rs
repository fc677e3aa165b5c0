//! Rust source as a flat list of tokens: comments gone, literals opaque, test code marked. A rule
//! that looks for a word therefore never trips over a comment or a string.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ident,
    Punct,
    Literal,
    Open,
    Close,
}

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// The word, the punctuation (`::` in one piece), the bracket; a literal's text.
    pub(crate) text: String,
    pub(crate) line: usize,
    /// How many brackets stand open around it.
    pub(crate) depth: usize,
    /// How many `mod name { .. }` stand open around it.
    pub(crate) inline_mods: usize,
    /// Whether it belongs to an item under `#[cfg(test)]` or `#[test]`.
    pub(crate) in_test: bool,
}

impl Token {
    /// Whether this is the word, punctuation or bracket `text`, and no literal.
    pub(crate) fn is(&self, text: &str) -> bool {
        self.kind != Kind::Literal && self.text == text
    }

    pub(crate) fn is_ident(&self) -> bool {
        self.kind == Kind::Ident
    }
}

/// Whether the tokens from `at` on are these words and punctuation.
pub(crate) fn matches_at(tokens: &[Token], at: usize, texts: &[&str]) -> bool {
    tokens.len() >= at + texts.len()
        && texts
            .iter()
            .zip(&tokens[at..])
            .all(|(text, token)| token.is(text))
}

/// The index behind the bracket that closes the one at `open`.
pub(crate) fn behind_group(tokens: &[Token], open: usize) -> usize {
    let depth = tokens[open].depth;
    tokens[open + 1..]
        .iter()
        .position(|token| token.kind == Kind::Close && token.depth == depth)
        .map_or(tokens.len(), |at| open + at + 2)
}

/// # Panics
///
/// When `text` is not Rust.
pub(crate) fn tokenize(path: &str, text: &str) -> Vec<Token> {
    let stream: TokenStream = match text.parse() {
        Ok(stream) => stream,
        Err(error) => panic!("{path}: {error}"),
    };
    let mut tokens = Vec::new();
    flatten(stream, 0, &mut tokens);
    mark_inline_mods(&mut tokens);
    mark_tests(&mut tokens);
    tokens
}

fn flatten(stream: TokenStream, depth: usize, out: &mut Vec<Token>) {
    let push = |kind, text: &str, line, out: &mut Vec<Token>| {
        out.push(Token {
            kind,
            text: text.to_owned(),
            line,
            depth,
            inline_mods: 0,
            in_test: false,
        });
    };
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Punct(punct) if punct.as_char() == ':' => {
                let is_path = punct.spacing() == Spacing::Joint
                    && trees.next_if(|next| next.to_string() == ":").is_some();
                push(Kind::Punct, if is_path { "::" } else { ":" }, line, out);
            }
            TokenTree::Punct(punct) => push(Kind::Punct, &punct.to_string(), line, out),
            TokenTree::Ident(ident) => push(Kind::Ident, &ident.to_string(), line, out),
            TokenTree::Literal(literal) => push(Kind::Literal, &literal.to_string(), line, out),
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                let end = group.span_close().end().line;
                push(Kind::Open, open, line, out);
                flatten(group.stream(), depth + 1, out);
                push(Kind::Close, close, end, out);
            }
        }
    }
}

fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

fn mark_inline_mods(tokens: &mut [Token]) {
    for at in 0..tokens.len() {
        let is_inline = tokens[at].is("mod")
            && tokens.get(at + 1).is_some_and(Token::is_ident)
            && tokens.get(at + 2).is_some_and(|token| token.is("{"));
        if is_inline {
            let end = behind_group(tokens, at + 2);
            for token in &mut tokens[at + 3..end] {
                token.inline_mods += 1;
            }
        }
    }
}

fn mark_tests(tokens: &mut [Token]) {
    let mut at = 0;
    while at < tokens.len() {
        if matches_at(tokens, at, &["#", "["]) {
            let behind = behind_group(tokens, at + 1);
            if is_test_attribute(&tokens[at + 2..behind]) {
                let end = end_of_item(tokens, behind);
                for token in &mut tokens[at..end] {
                    token.in_test = true;
                }
                at = end;
                continue;
            }
        }
        at += 1;
    }
}

/// `#[test]`, or a `#[cfg(..)]` that names `test` and not `not`.
fn is_test_attribute(inside: &[Token]) -> bool {
    match inside.first() {
        Some(first) if first.is("test") => true,
        Some(first) if first.is("cfg") => {
            inside.iter().any(|token| token.is("test"))
                && !inside.iter().any(|token| token.is("not"))
        }
        _ => false,
    }
}

/// Behind the item that starts at `from`: after its `;`, or after its braces.
fn end_of_item(tokens: &[Token], from: usize) -> usize {
    let Some(first) = tokens.get(from) else {
        return tokens.len();
    };
    let depth = first.depth;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        if token.depth < depth {
            return at;
        }
        let ends = token.is(";") || token.is("}");
        if ends && token.depth == depth {
            return at + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_comments_and_strings_are_no_words() {
        let tokens = tokenize("a.rs", "// unsafe\nfn f() { g(\"unsafe\"); } /* unsafe */");
        assert!(!tokens.iter().any(|token| token.is("unsafe")));
    }

    #[test]
    fn test_code_is_marked_and_what_follows_is_not() {
        let text = "#[cfg(test)]\n#[derive(A)]\nmod t {\n fn x() {}\n}\nfn y() {}\n\
                    #[test]\nfn z() {}\n#[cfg(not(test))]\nfn w() {}";
        let tokens = tokenize("a.rs", text);
        let in_test = |name: &str| tokens.iter().any(|token| token.is(name) && token.in_test);
        assert!(in_test("x") && in_test("z"));
        assert!(!in_test("y") && !in_test("w"));
    }

    #[test]
    fn a_group_is_passed_over_whole() {
        let tokens = tokenize("a.rs", "f(a, (b), [c]) d");
        assert!(tokens[behind_group(&tokens, 1)].is("d"));
    }
}
