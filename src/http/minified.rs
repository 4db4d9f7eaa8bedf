//! The page's scripts as they are sent: with short names, since each byte of the page is waited for at the edge of the Wi-Fi. A part of
//! the build script.

use std::collections::HashMap;
use std::error::Error;

use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_mangler::{MangleOptions, Mangler};
use oxc_parser::Parser;
use oxc_semantic::{SemanticBuilder, SymbolId};
use oxc_span::SourceType;
use serde_json::{Map, Value};

/// What tests call by its name in the page's last script. All else at its top level gets a short one: a tenth of what it takes.
pub const CALLED: &str = "\
    CLICK_MS FIELDS FORMS FRAME_MESSAGES NAMES PLAIN PRESS_MS TICK_MS abandon adopt alertUser answerOf ask askHistory \
    blocked buildMessage capital connect draw drawAll el firstMessage flash focused forget grouped handlers hush \
    initials inviteUrl isFocusLost isHost isLive isMember jumpToEnd knowsInert labels lacks lists loadInvite lose \
    make moderate nameSome noteInput notify on openForm openInvite openMessageMenu paint phrase place probe react \
    receive reconnectNow refuse renderAddress renderComposer renderInvite renderLanguage renderNow renderSettings \
    said say search send sentenceOf setDrawer setRenaming settle startReply state tabs tick timeOf topOf touch trim \
    unreadLine update wide";

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

/// A script of the page with short names for all but what is `kept` of its top level.
pub fn minified(script: &str, kept: &'static str) -> Result<String, Box<dyn Error>> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, script, SourceType::script()).parse();
    if let Some(error) = parsed.errors.first() {
        return Err(format!("index.html: {error:?}").into());
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
pub fn short_keys(source: &str, english: &Map<String, Value>) -> HashMap<String, String> {
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
