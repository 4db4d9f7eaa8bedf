//! Part of the build script: puts the page, its catalogues and others' notices where the program takes them in, compressed, since raw
//! they would be a tenth of it.
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
use serde_json::{Map, Value};
use zopfli::{Format, Options};

use minified::{CALLED, minified, short_keys};
use stripped::{Syntax, stripped};

#[path = "minified.rs"]
mod minified;
#[path = "stripped.rs"]
mod stripped;

const PAGE: &str = "index.html";
const STYLE: &str = "src/http/style.css";
/// Made by `.ci/licenses`.
const NOTICES: &str = "src/config/licenses.txt";
const LANGUAGES: &str = "src/http/languages";
/// The key of what is for people who edit the file.
const ADVICE: &str = "how to add a language";

pub fn pack() -> Result<(), Box<dyn Error>> {
    for source in
        [PAGE, STYLE, NOTICES, LANGUAGES, "src/http/pack.rs", "src/http/minified.rs", "src/http/stripped.rs"]
    {
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
