//! Nothing is left for later, and no test is switched off.

use super::files::File;

/// What must not stand in the code, and why.
const BANNED: [(&str, &str); 6] = [
    ("#[ignore", "a test that does not run proves nothing"),
    ("TODO", "do it or write an issue"),
    ("FIXME", "do it or write an issue"),
    ("XXX", "do it or write an issue"),
    ("todo!(", "do it"),
    ("unimplemented!(", "do it, or answer with an error"),
];

/// This file names the words in order to ban them.
const HERE: &str = "xtask/src/tidy/words.rs";

/// Names every line with a banned word.
pub(crate) fn check(files: &[File]) -> Vec<String> {
    let code = files.iter().filter(|f| !f.is(".md") && f.path != HERE);
    code.flat_map(|file| {
        file.text.lines().enumerate().flat_map(move |(at, line)| {
            let banned = BANNED.iter().filter(move |(word, _)| stands_alone(line, word));
            banned.map(move |(word, why)| format!("{}:{}: `{word}`: {why}", file.path, at + 1))
        })
    })
    .collect()
}

/// Whether `word` is in `line` and is not the middle of a longer one.
fn stands_alone(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (before, after) = (line[..at].chars().next_back(), line[at + word.len()..].chars().next());
        let runs_on = word.ends_with(letter) && after.is_some_and(letter);
        !before.is_some_and(letter) && !runs_on
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_banned_word_is_told_with_its_line() {
        for (word, _) in BANNED {
            let file = File::new("crates/a/src/lib.rs", &format!("fn a() {{}}\n// {word} later\n"));
            let found = check(&[file]);
            assert!(found.len() == 1 && found[0].starts_with("crates/a/src/lib.rs:2:"), "{word}: {found:?}");
        }
    }

    #[test]
    fn longer_words_pass() {
        let file = File::new("crates/a/src/lib.rs", "let photodocument = \"TODOS\"; my_todo!(x);\n");
        assert_eq!(check(&[file]), Vec::<String>::new());
    }
}
