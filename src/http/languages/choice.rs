//! Which language a visitor gets: what they have chosen, else what their browser asks for, else the room's.

use super::Language;

/// The cookie in which the page keeps what was chosen in its settings.
const COOKIE: &str = "chat-app-language";

/// Tags that browsers send for a language which is called otherwise here, or has several: the likely script of a region,
/// the grown name of a tag that was replaced.
const LIKELY: [(&str, &str); 11] = [
    ("zh", "zh-Hans"),
    ("zh-TW", "zh-Hant"),
    ("zh-HK", "zh-Hant"),
    ("zh-MO", "zh-Hant"),
    ("pt", "pt-BR"),
    ("no", "nb"),
    ("nn", "nb"),
    ("iw", "he"),
    ("in", "id"),
    ("prs", "fa"),
    ("arb", "ar"),
];

/// `cookies` and `accepted` are what the browser sent as `Cookie` and `Accept-Language`.
pub(crate) fn chosen(cookies: &str, accepted: &str, rooms_own: &str) -> Language {
    let mut named = cookies.split(';').filter_map(|cookie| cookie.trim().split_once('='));
    let by_visitor = named.find_map(|(name, tag)| if name == COOKIE { Language::of(tag) } else { None });
    let language = by_visitor.or_else(|| accepted_by(accepted)).or_else(|| Language::of(rooms_own));
    language.unwrap_or(Language::ENGLISH)
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

fn lookup(range: &str) -> Option<Language> {
    let mut range = range;
    loop {
        let likely = LIKELY.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(range));
        if let Some(found) = Language::of(range).or_else(|| Language::of(likely?.1)) {
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
    fn what_is_likely_is_there_or_shortened_further() {
        for (sent, likely) in LIKELY {
            let expected = Language::of(likely).or_else(|| Language::of(likely.split('-').next()?));
            assert_eq!(lookup(sent), expected, "{sent}");
        }
    }
}
