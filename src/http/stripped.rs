//! The page as it is sent: without what only its authors read; pure. A part of the build script, and of the tests.

use std::borrow::Cow;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Syntax {
    Html,
    Style,
    Script,
}

/// The page without comments that fill a line or end it after two spaces, empty lines, indentation, and blanks around the
/// signs of style and script.
///
/// Lines of template literals stay as they are: their white space is text. Script and style have to begin on a line of their
/// own, as they do in the page.
pub(crate) fn stripped(page: &str) -> String {
    let mut kept = String::with_capacity(page.len());
    let (mut syntax, mut in_literal) = (Syntax::Html, false);
    // A browser reads \r\n as \n before it takes the hashes; a checkout on Windows may have brought some in.
    for line in page.lines() {
        let text = if in_literal { line } else { without_last_comment(line.trim_start(), syntax) };
        if !in_literal && (text.is_empty() || is_comment(text, syntax)) {
            continue;
        }
        let (before, was_in_literal) = (syntax, in_literal);
        match text {
            _ if syntax == Syntax::Html && text.starts_with("<script") => syntax = Syntax::Script,
            _ if syntax == Syntax::Html && text.starts_with("<style") => syntax = Syntax::Style,
            _ => in_literal ^= syntax == Syntax::Script && text.matches('`').count() % 2 == 1,
        }
        if text.contains("</script") || text.contains("</style") {
            syntax = Syntax::Html;
        }
        let is_code = before == syntax && !was_in_literal && !in_literal;
        kept.extend([&*if is_code { tight(text, syntax) } else { text.into() }, "\n"]);
    }
    kept
}

/// A line without blanks around its signs, but for those of strings. Lines with what may be a regular expression, or one template
/// in another, stay as they are.
fn tight(line: &str, syntax: Syntax) -> Cow<'_, str> {
    // A blank before a colon of style counts: what follows is any element.
    let (before, after): (&[char], &[char]) = match syntax {
        Syntax::Html => return line.into(),
        Syntax::Style => (&['{', '}', ',', ';', '>'], &['{', '}', ',', ';', '>', ':']),
        Syntax::Script => (&SIGNS, &SIGNS),
    };
    let is_unclear = match syntax {
        Syntax::Script => line.contains(['/', '\\']) || line.matches('`').count() > 2,
        _ => line.contains(['"', '\'']),
    };
    if is_unclear {
        return line.into();
    }
    let mut kept = String::with_capacity(line.len());
    let mut quote = None;
    for c in line.chars() {
        let is_text = quote.is_some();
        if quote == Some(c) {
            quote = None;
        } else if !is_text && ['\'', '"', '`'].contains(&c) {
            quote = Some(c);
        }
        match c {
            ' ' if !is_text && kept.ends_with(after) => {}
            _ if !is_text && before.contains(&c) && kept.ends_with(' ') => {
                kept.pop();
                kept.push(c);
            }
            _ => kept.push(c),
        }
    }
    kept.into()
}

/// What needs no blanks in script; beside `+` and `-` they keep two from becoming another.
const SIGNS: [char; 16] = ['{', '}', '(', ')', '[', ']', ',', ';', ':', '=', '<', '>', '?', '&', '|', '!'];

/// A line without the comment at its end, if that is none of a string's text.
fn without_last_comment(line: &str, syntax: Syntax) -> &str {
    let comment = match syntax {
        Syntax::Html => return line,
        Syntax::Style if line.ends_with("*/") => "  /* ",
        Syntax::Style => return line,
        Syntax::Script => "  // ",
    };
    match line.split_once(comment) {
        Some((code, _)) if ["'", "\"", "`"].iter().all(|quote| code.matches(quote).count() % 2 == 0) => code,
        _ => line,
    }
}

/// Whether a line, without its indentation, is a comment and nothing else.
fn is_comment(line: &str, syntax: Syntax) -> bool {
    let is_between = |open: &str, close: &str| {
        line.strip_prefix(open)
            .and_then(|rest| rest.split_once(close))
            .is_some_and(|(_, rest)| rest.is_empty())
    };
    match syntax {
        Syntax::Html => is_between("<!--", "-->"),
        Syntax::Style => is_between("/*", "*/"),
        Syntax::Script => is_between("/*", "*/") || line.starts_with("//"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = include_str!("../../index.html");

    #[test]
    fn comments_that_fill_or_end_a_line_empty_lines_and_indentation_are_left_out() {
        let source = "<!doctype html>\r\n\t<!-- a comment -->\n<p>a <!-- word -->\n<!-- a --> b <!-- c -->\n// no comment\n\
                      <style>\n/* a comment */\n\tp { color: red }  /* left out */\n/* a */ q {} /* b */\n// none here\n</style>\n\
                      <script>\n// a comment\n\n\tsay('//');  // it's left out\n\tsay('a  // b');\n\t/** one */\n/* a */ go(`<b>\n\t// text\n\n\t  </b>`);\n\
                      \tsay(`a` + `b`);\n\tgo();\n</script>\n\t// no comment\n";
        let kept = "<!doctype html>\n<p>a <!-- word -->\n<!-- a --> b <!-- c -->\n// no comment\n\
                    <style>\np{color:red}\n/* a */ q{}/* b */\n// none here\n</style>\n\
                    <script>\nsay('//');\nsay('a  // b');\n/* a */ go(`<b>\n\t// text\n\n\t  </b>`);\n\
                    say(`a` + `b`);\ngo();\n</script>\n// no comment\n";
        assert_eq!(stripped(source), kept);
    }

    #[test]
    fn blanks_around_signs_are_left_out_but_for_those_of_strings() {
        for (line, sent) in [
            ("const { a, b } = x ?? (c === 'd = e, f');", "const{a,b}=x??(c==='d = e, f');"),
            ("say(\"it's { so }\", a + b, -c, !d);", "say(\"it's { so }\",a + b,-c,!d);"),
            ("if (a) b = c ? { d } : [ e ];", "if(a)b=c?{d}:[e];"),
            ("const r = /a = b/;", "const r = /a = b/;"),
            ("say(`a = ${b}`, c);", "say(`a = ${b}`,c);"),
            ("say(`a ${b(`c = d`)}`, e);", "say(`a ${b(`c = d`)}`, e);"),
        ] {
            assert_eq!(tight(line, Syntax::Script), sent);
        }
        for (line, sent) in [
            (
                "a > b, c:is(d, e) :hover { margin: 0 auto; color: red }",
                "a>b,c:is(d,e) :hover{margin:0 auto;color:red}",
            ),
            ("a::before { content: 'b { }' }", "a::before { content: 'b { }' }"),
        ] {
            assert_eq!(tight(line, Syntax::Style), sent);
        }
        assert_eq!(tight("<p>a = b</p>", Syntax::Html), "<p>a = b</p>");
    }

    /// [`stripped`] reads lines, no syntax: so the page has to keep to what it can tell apart.
    #[test]
    fn the_page_has_no_text_that_loses_its_white_space() {
        for (number, line) in (1..).zip(SOURCE.lines()) {
            assert!(!line.contains("<pre"), "{number}: white space counts there");
            assert!(
                !line.contains("<textarea") || line.contains("</textarea>"),
                "{number}: so it does there"
            );
            assert!(!line.ends_with('\\'), "{number}: a string that goes on in the next line");
        }
        let sent = stripped(SOURCE);
        // A single backtick in a comment or a string would make it take code for text, up to the next one.
        let literal: Vec<&str> = sent.lines().filter(|line| line.starts_with([' ', '\t'])).collect();
        assert!(literal.len() < 10, "indented, as only template literals are: {literal:#?}");
        assert!(sent.len() * 100 < SOURCE.len() * 95, "{} of {} bytes", sent.len(), SOURCE.len());
        assert!(sent.trim_end().ends_with("</html>"), "the last literal has an end");
    }
}
