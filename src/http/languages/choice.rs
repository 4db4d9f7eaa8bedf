//! Which language a visitor gets: what they have chosen, else what their browser asks for, else the room's.

use super::Language;
use crate::limits;

/// The cookie in which the page keeps what was chosen in its settings.
const COOKIE: &str = "chat-app-language";

/// Tags that browsers send for a language which is called otherwise here, or has several: the likely script of a region,
/// the grown name of a tag that was replaced, what is written where a dialect is spoken.
const LIKELY: [(&str, &str); 33] = [
    ("zh", "zh-Hans"),
    ("zh-TW", "zh-Hant"),
    ("zh-HK", "zh-Hant"),
    ("zh-MO", "zh-Hant"),
    ("yue", "zh-Hant"),
    ("yue-CN", "zh-Hans"),
    ("yue-Hans", "zh-Hans"),
    ("nan", "zh-Hant"),
    ("hak", "zh-Hant"),
    ("cmn", "zh-Hans"),
    ("cmn-TW", "zh-Hant"),
    ("cmn-Hant", "zh-Hant"),
    ("pt", "pt-BR"),
    ("pt-AO", "pt-PT"),
    ("pt-CH", "pt-PT"),
    ("pt-CV", "pt-PT"),
    ("pt-FR", "pt-PT"),
    ("pt-GQ", "pt-PT"),
    ("pt-GW", "pt-PT"),
    ("pt-LU", "pt-PT"),
    ("pt-MO", "pt-PT"),
    ("pt-MZ", "pt-PT"),
    ("pt-ST", "pt-PT"),
    ("pt-TL", "pt-PT"),
    ("no", "nb"),
    ("nn", "nb"),
    ("iw", "he"),
    ("in", "id"),
    ("mo", "ro"),
    ("prs", "fa"),
    ("arb", "ar"),
    ("swc", "sw"),
    ("gsw", "de"),
];

/// `cookies` and `accepted` are what the browser sent as `Cookie` and `Accept-Language`.
pub(crate) fn chosen(cookies: &str, accepted: &str, rooms_own: &str) -> Language {
    let language = by_visitor(cookies).or_else(|| accepted_by(accepted)).or_else(|| Language::of(rooms_own));
    language.unwrap_or(Language::ENGLISH)
}

fn by_visitor(cookies: &str) -> Option<Language> {
    let mut named = cookies.split(';').filter_map(|cookie| cookie.trim().split_once('='));
    named.find_map(|(name, tag)| if name == COOKIE { Language::of(tag) } else { None })
}

/// The `Set-Cookie` by which a choice lasts: Safari forgets after a week what a script alone has set. Without a path, as the
/// page writes it, since a proxy may have left out a part.
pub(crate) fn kept(cookies: &str) -> Option<String> {
    let (tag, seconds) = (by_visitor(cookies)?.tag(), limits::LANGUAGE.as_secs());
    Some(format!("{COOKIE}={tag}; Max-Age={seconds}; SameSite=Lax"))
}

/// RFC 4647's lookup: the ranges by their weight, each shortened from its end until there is such a language.
fn accepted_by(accepted: &str) -> Option<Language> {
    let mut ranges: Vec<(f32, &str)> = accepted
        .split(',')
        .filter_map(|item| {
            let (range, weight) = item.split_once(';').unwrap_or((item, "q=1"));
            let weight = weight.trim().trim_start_matches(['q', 'Q']).trim_start_matches('=');
            Some((weight.parse().ok().filter(|&weight| weight > 0.0)?, range.trim()))
        })
        .collect();
    ranges.sort_by(|(one, _), (other, _)| other.total_cmp(one)); // stable: first come, first
    ranges.into_iter().find_map(|(_, range)| lookup(range))
}

fn likely(range: &str) -> Option<Language> {
    let likely = LIKELY.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(range));
    likely.and_then(|(_, tag)| Language::of(tag))
}

fn lookup(range: &str) -> Option<Language> {
    let mut range = range;
    loop {
        if let Some(found) = Language::of(range).or_else(|| likely(range)) {
            return Some(found);
        }
        range = range.rsplit_once('-')?.0;
        // A single letter or digit only opens what came after it.
        if let Some((shorter, last)) = range.rsplit_once('-')
            && last.len() == 1
        {
            range = shorter;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_visitors_choice_counts_then_the_browsers_then_the_rooms() {
        let long = "x-".repeat(5_000);
        for (cookies, accepted, rooms_own, expected) in [
            ("", "", "en", "en"),
            ("", "", "tr", "tr"),
            ("", "de", "en", "de"),
            ("chat-app-language=fr", "de", "tr", "fr"),
            ("a=b; chat-app-language=FR; c", "de", "tr", "fr"),
            ("chat-app-language=klingon", "de", "tr", "de"),
            ("chat-app-language=klingon; chat-app-language=fr", "de", "tr", "fr"),
            ("xchat-app-language=fr", "", "tr", "tr"),
            // By weight, then by order.
            ("", "fr;q=0.5, de;q=0.9", "en", "de"),
            ("", "de;q=0.8, fr ; q=0.8", "en", "de"),
            ("", "de;q=0, fr;q=0.1", "en", "fr"),
            ("", "de;q=much, fr;q=0.1", "en", "fr"),
            ("", "de;q=NaN", "en", "en"),
            ("", "xx, *;q=0.5", "tr", "tr"),
            // One language, several ways to write it.
            ("", "pt", "en", "pt-BR"),
            ("", "pt-US", "en", "pt-BR"),
            ("", "pt-AO", "en", "pt-PT"),
            ("", "pt-mz, pt;q=0.9", "en", "pt-PT"),
            ("", "pt-CV", "en", "pt-PT"),
            ("", "pt-GW", "en", "pt-PT"),
            ("", "pt-ST", "en", "pt-PT"),
            ("", "pt-TL", "en", "pt-PT"),
            ("", "pt-MO", "en", "pt-PT"),
            ("", "pt-Latn-BR", "en", "pt-BR"),
            ("", "zh", "en", "zh-Hans"),
            ("", "zh-CN", "en", "zh-Hans"),
            ("", "zh-SG", "en", "zh-Hans"),
            ("", "zh-MY", "en", "zh-Hans"),
            ("", "zh-TW", "en", "zh-Hant"),
            ("", "zh-HK", "en", "zh-Hant"),
            ("", "zh-MO", "en", "zh-Hant"),
            ("", "zh-Hans-HK", "en", "zh-Hans"),
            ("", "zh-Hant-CN", "en", "zh-Hant"),
            ("", "yue-HK", "en", "zh-Hant"),
            ("", "yue-Hans-CN", "en", "zh-Hans"),
            ("", "cmn-Hant-TW", "en", "zh-Hant"),
            // Names of before, dialects.
            ("", "no-NO", "en", "nb"),
            ("", "nn-NO", "en", "nb"),
            ("", "iw-IL", "en", "he"),
            ("", "in-ID", "en", "id"),
            ("", "mo-MD", "en", "ro"),
            ("", "gsw-CH", "en", "de"),
            ("", "prs-AF", "en", "fa"),
            ("", "fa-AF", "en", "fa"),
            ("", "es-419", "en", "es"),
            ("", "sw-CD", "en", "sw"),
            // No catalogue, and no language that is the same.
            ("", "sr-Latn-RS", "en", "en"),
            ("", "sk-SK, sk", "en", "en"),
            ("", "fil-PH, ms, ca", "tr", "tr"),
            ("", "sk, cs;q=0.8, en;q=0.5", "en", "cs"),
            // Regions, scripts, extensions; a range that is more general than what there is finds the likely one.
            ("", "de-AT", "en", "de"),
            ("", "DE-Latn-CH-1996", "en", "de"),
            ("", "de-x-mine", "en", "de"),
            ("", "en-GB, de", "tr", "en"),
            ("", "xx-Latn-XX, ja-JP", "en", "ja"),
            ("", "ger, e, -, en-", "tr", "en"),
            ("", &long, "tr", "tr"),
        ] {
            assert_eq!(chosen(cookies, accepted, rooms_own).tag(), expected, "{cookies} {accepted}");
        }
    }

    #[test]
    fn what_is_likely_is_there() {
        for (sent, likely) in LIKELY {
            assert_eq!(lookup(sent).map(Language::tag), Some(likely), "{sent}");
        }
    }

    #[test]
    fn a_choice_is_kept_as_the_page_writes_it() {
        let kept = |cookies| kept(cookies).unwrap_or_default();
        assert_eq!(kept("a=b; chat-app-language=FR"), "chat-app-language=fr; Max-Age=31536000; SameSite=Lax");
        assert_eq!((kept(""), kept("chat-app-language=klingon")), (String::new(), String::new()));
    }
}
