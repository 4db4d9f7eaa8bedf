//! Part of the build script: puts the page, its catalogues and others' notices where the program takes them in, compressed, since raw they would be a
//! tenth of it.
//!
//! Of the catalogues only the English one keeps its keys. The others are lists of their sentences in the order of those, with
//! `null` for what they lack.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_mangler::{MangleOptions, Mangler};
use oxc_parser::Parser;
use oxc_semantic::{SemanticBuilder, SymbolId};
use oxc_span::SourceType;
use serde_json::{Map, Value};
use zopfli::{Format, Options};

use stripped::{Syntax, stripped};

#[path = "stripped.rs"]
mod stripped;

const PAGE: &str = "index.html";
const STYLE: &str = "src/http/style.css";
/// Keys of the catalogue that its tests say, and those that the script takes apart.
const KEPT_KEYS: [&str; 8] = [
    "common.cancel",
    "common.copy",
    "hint.chosen",
    "host.fullness",
    "host.request",
    "outbox.discard",
    "outbox.retry",
    "status.waiting",
];
/// Made by `.ci/licenses`.
const NOTICES: &str = "src/config/licenses.txt";
const LANGUAGES: &str = "src/http/languages";
/// The key of what is for people who edit the file.
const ADVICE: &str = "how to add a language";

/// What tests call by its name in the page's last script. All else at its top level gets a short one: a tenth of what it takes.
const CALLED: &str = "\
    CLICK_MS FIELDS FORMS FRAME_MESSAGES NAMES PLAIN PRESS_MS TICK_MS abandon adopt alertUser answerOf ask askHistory \
    blocked buildMessage capital connect draw drawAll el firstMessage flash focused forget grouped handlers hush \
    initials inviteUrl isFocusLost isHost isLive isMember jumpToEnd knowsInert labels lacks lists loadInvite lose \
    make moderate nameSome noteInput notify on openForm openInvite openMessageMenu paint phrase place probe react \
    receive reconnectNow refuse renderAddress renderComposer renderInvite renderLanguage renderNow renderSettings \
    said say search send sentenceOf setDrawer setRenaming settle startReply state tabs tick timeOf topOf touch trim \
    unreadLine update wide";

pub fn pack() -> Result<(), Box<dyn Error>> {
    for source in [PAGE, STYLE, NOTICES, LANGUAGES, "src/http/pack.rs", "src/http/stripped.rs"] {
        println!("cargo::rerun-if-changed={source}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("Cargo names a folder")?);
    let mut english = catalogue(&Path::new(LANGUAGES).join("en.json"))?;
    english.remove(ADVICE);
    let short = short_keys(&fs::read_to_string(PAGE)?, &english);
    let page = page(&short)?;
    let (head, tail) = page.split_at(page.rfind("<script>").ok_or("the page has a script")?);
    fs::write(out.join("page-head"), deflated(head.as_bytes())?)?;
    let mut packed = Vec::new();
    zopfli::compress(Options::default(), Format::Deflate, tail.as_bytes(), &mut packed)?;
    fs::write(out.join("page-tail"), packed)?;
    fs::write(out.join("notices"), deflated(&fs::read(NOTICES)?)?)?;
    let sent: Map<String, Value> =
        english.iter().map(|(key, words)| (short.get(key).unwrap_or(key).clone(), words.clone())).collect();
    fs::write(out.join("en"), deflated(&serde_json::to_vec(&sent)?)?)?;
    let long: HashMap<&String, &String> = short.iter().map(|(key, short)| (short, key)).collect();
    let tags = tags()?;
    let mut table = format!("static CATALOGUES: [(&str, &[u8]); {}] = [\n", tags.len());
    for tag in &tags {
        if tag != "en" {
            let own = catalogue(&Path::new(LANGUAGES).join(tag).with_extension("json"))?;
            let sentences: Vec<&Value> = sent
                .keys()
                .map(|key| own.get(*long.get(key).unwrap_or(&key)).unwrap_or(&Value::Null))
                .collect();
            fs::write(out.join(tag), deflated(&serde_json::to_vec(&sentences)?)?)?;
        }
        writeln!(table, "({tag:?}, include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{tag}\"))),")?;
    }
    let english = tags.iter().position(|tag| tag == "en").ok_or("the source is missing")?;
    fs::write(out.join("catalogues.rs"), format!("{table}];\nconst ENGLISH: usize = {english};\n"))?;
    println!("cargo::rustc-env=LANGUAGES={}", tags.join(" "));
    Ok(())
}

/// The page as it is sent, but for its words.
fn page(short: &HashMap<String, String>) -> Result<String, Box<dyn Error>> {
    // A browser reads \r\n as \n before it takes the hashes; a checkout on Windows may have brought some in.
    let read = |path| fs::read_to_string(path).map(|text| text.replace("\r\n", "\n"));
    let source = read(PAGE)?;
    // Browsers that are too old for the others read the first script: the printer's quotes would be none to them.
    let (first, others) = source.split_once("</script>\n").ok_or("the page has a script")?;
    let mut parts = others.split("<script>\n");
    let mut page = stripped(first, Syntax::Html) + "</script>";
    page += &stripped(parts.next().unwrap_or_default(), Syntax::Html);
    while let Some(part) = parts.next() {
        let (script, rest) = part.split_once("</script>").ok_or("a script has no end")?;
        // The last is all of the page's but its first steps, which it shares.
        let kept = if parts.clone().next().is_none() { CALLED } else { "" };
        let script = short.iter().fold(script.to_owned(), |script, (key, short)| {
            script.replace(&format!("'{key}'"), &format!("'{short}'"))
        });
        write!(page, "<script>{}</script>", minified(&script, kept)?)?;
        page.push_str(&stripped(rest, Syntax::Html));
    }
    Ok(page.replace("{{style}}\n", &stripped(&read(STYLE)?, Syntax::Style)))
}

/// A script of the page with short names for all but what is `kept` of its top level.
fn minified(script: &str, kept: &'static str) -> Result<String, Box<dyn Error>> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, script, SourceType::script()).parse();
    if let Some(error) = parsed.errors.first() {
        return Err(format!("{PAGE}: {error:?}").into());
    }
    let mut read = SemanticBuilder::new().build(&parsed.program).semantic;
    let symbol = |name: &'static str| Some((read.scoping().get_root_binding(name.into())?, name));
    let kept: Vec<(SymbolId, &str)> = kept.split_whitespace().filter_map(symbol).collect();
    let options = MangleOptions { top_level: Some(!kept.is_empty()), ..MangleOptions::default() };
    let private = Mangler::new().with_options(options).build_with_semantic(&mut read, &parsed.program);
    let mut names = read.into_scoping();
    for symbol in names.symbol_ids().collect::<Vec<_>>() {
        // What has got a kept name gets one that no short name is like.
        let taken = kept.iter().find(|(_, name)| names.symbol_name(symbol) == *name);
        if let Some((_, name)) = taken {
            names.set_symbol_name(symbol, allocator.alloc_str(&format!("{name}$own")).into());
        }
    }
    for (symbol, name) in kept {
        names.set_symbol_name(symbol, name.into());
    }
    let printer = Codegen::new()
        .with_options(CodegenOptions::minify())
        .with_scoping(Some(names))
        .with_private_member_mappings(Some(private));
    Ok(printer.build(&parsed.program).code)
}

/// Short ones for the catalogue's keys that the script alone says, and whole: nobody reads these once the page is packed.
fn short_keys(source: &str, english: &Map<String, Value>) -> HashMap<String, String> {
    let pieces = source.split('`').filter_map(|piece| Some(piece.split_once("${")?.0));
    let heads: Vec<&str> = pieces.filter(|head| head.contains('.') && !head.contains(' ')).collect();
    let is_own = |key: &&String| {
        source.contains(&format!("'{key}'"))
            && !source.contains(&format!("{{{{{key}}}}}"))
            && !heads.iter().any(|head| key.starts_with(head))
            && !KEPT_KEYS.contains(&key.as_str())
    };
    let letters = || ('A'..='Z').flat_map(|first| ('0'..='9').map(move |second| format!("{first}{second}")));
    english.keys().filter(is_own).cloned().zip(letters()).collect()
}

/// The languages that there are, sorted.
fn tags() -> Result<Vec<String>, Box<dyn Error>> {
    let mut tags = Vec::new();
    for entry in fs::read_dir(LANGUAGES)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "json") {
            tags.push(path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    tags.sort_unstable();
    Ok(tags)
}

fn catalogue(path: &Path) -> Result<Map<String, Value>, Box<dyn Error>> {
    let text = fs::read(path)?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn deflated(text: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text)?;
    encoder.finish()
}
