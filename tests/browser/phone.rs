//! What is different under a finger: the keyboard on the screen, momentum, a phone on its side, fields that would zoom.

use super::look::{look_at, take_picture};
use super::reading::{AT_THE_END, scroll_to, talkative_room};
use crate::support::{Browser, Finger, Page, Scheme, Size, TestServer};
use serde_json::json;

also_in!([firefox, webkit]:
    no_field_is_so_small_that_a_phone_zooms_into_it,
    a_dialog_that_scrolls_keeps_its_corners,
    a_keyboard_that_covers_the_window_leaves_the_header_the_newest_message_and_the_box_in_sight,
    a_phone_on_its_side_keeps_its_height_for_the_messages,
    the_browsers_word_that_the_network_is_gone_or_back_is_believed_at_once,
);

// WebKit's driver has no fingers.
also_in!([firefox]:
    a_long_press_opens_the_menu_of_a_message_and_moving_does_not,
    joining_on_a_phone_goes_on_in_the_message_box_with_the_keyboard_up,
    older_messages_wait_until_a_fingers_momentum_has_ended,
);

/// How many messages are in sight from head to foot.
const WHOLE: &str = "[...el.log.querySelectorAll('.message')].filter((node) => {
    const [{ top, bottom }, frame] = [node.getBoundingClientRect(), el.scroller.getBoundingClientRect()];
    return top >= frame.top && bottom <= frame.bottom;
}).length";

/// A finger that comes and goes in the middle of an element.
fn tap(page: &Page, selector: &str) {
    page.expect_shown(selector);
    let middle = format!(
        "(({{ x, y, width, height }}) => [x + width / 2, y + height / 2])(
            document.querySelector('{selector}').getBoundingClientRect())"
    );
    let middle = page.run(&middle);
    let [x, y] = [0, 1].map(|axis| middle[axis].as_f64().expect("a place"));
    page.touch(Finger::Down(x, y));
    page.touch(Finger::Up);
}

#[test]
fn no_field_is_so_small_that_a_phone_zooms_into_it() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::with(|config| config.members_only = true);
    let page = browser.tab();
    page.visit(&format!("http://{}", server.addr()));
    page.expect_text("#gate-title", "This room is for members");
    let small = "(() => {
        const found = new Set();
        const look = () => {
            for (const field of document.querySelectorAll('input, textarea, select')) {
                if (['checkbox', 'radio'].includes(field.type) || field.hidden) continue;
                fields++;
                if (parseFloat(getComputedStyle(field).fontSize) < 16) found.add(field.id);
            }
        };
        let fields = 0;
        look();
        for (const kind of Object.keys(FORMS)) { openForm(kind); look(); }
        el.account.close();
        return [fields > 30, ...found];
    })()";
    for size in [Size::Desk, Size::Phone, Size::Narrow] {
        page.size(size);
        assert_eq!(page.run(small), json!([true]), "{size:?}");
    }
}

#[test]
fn a_dialog_that_scrolls_keeps_its_corners() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.join(server.addr(), "Ana");
    page.size(Size::Zoomed);
    page.click("#toggle-panel");
    page.click("#open-account");
    page.click("[data-to=signup]");
    page.expect(
        "more than fits",
        "(({ scrollHeight, clientHeight }) => scrollHeight > clientHeight)(el.account.firstElementChild)",
    );
    // In Firefox a scroller has none: so the dialog itself clips, and what it holds scrolls.
    let facts = page.run(
        "[...document.querySelectorAll('dialog')].map((dialog) => {
            const [{ overflowX, overflowY, borderTopLeftRadius }, sheet] =
                [getComputedStyle(dialog), getComputedStyle(dialog.firstElementChild)];
            return [overflowX, overflowY, parseInt(borderTopLeftRadius) >= 12, sheet.overflowY, dialog.childElementCount];
        })",
    );
    let facts = facts.as_array().expect("dialogs");
    assert!(facts.len() >= 4);
    for fact in facts {
        assert_eq!(fact, &json!(["hidden", "hidden", true, "auto", 1]));
    }
    let reached = page.run(
        "(() => {
            const go = el.accountSheet.querySelector('.go');
            go.scrollIntoView({ block: 'end' });
            const { top, bottom } = go.getBoundingClientRect();
            const frame = el.account.getBoundingClientRect();
            return [top >= frame.top, bottom <= frame.bottom, frame.bottom <= innerHeight, el.account.scrollTop];
        })()",
    );
    assert_eq!(reached, json!([true, true, true, 0]));
}

/// Safari's way: the keyboard covers the foot of a window that keeps its size, and pushes it up.
#[test]
fn a_keyboard_that_covers_the_window_leaves_the_header_the_newest_message_and_the_box_in_sight() {
    let Some(browser) = Browser::start() else { return };
    let server = talkative_room(60);
    let page = browser.tab();
    page.size(Size::Phone);
    page.observe(
        "Object.defineProperty(window, 'visualViewport', { value: Object.assign(new EventTarget(),
            { width: 390, height: 844, offsetTop: 0, scale: 1 }) });
        window.cover = (height, offsetTop, scale = 1) => {
            Object.assign(visualViewport, { height, offsetTop, scale });
            visualViewport.dispatchEvent(new Event('resize'));
        };",
    );
    page.go_to(server.addr());
    page.join("Ben");
    page.expect_message("Ana", "message 60");
    page.expect("the end", AT_THE_END);
    let places = "[topOf(el.header), innerHeight - el.foot.getBoundingClientRect().bottom,
        topOf(el.foot) - el.log.lastElementChild.getBoundingClientRect().bottom >= 0,
        document.documentElement.scrollHeight > innerHeight].map((it) => typeof it === 'number' ? Math.round(it) : it)";
    for (height, pushed, below) in [(844, 0, 0), (500, 0, 344), (500, 120, 224), (844, 0, 0)] {
        page.run(&format!("cover({height}, {pushed})"));
        let expected = json!([pushed, below, true, false]);
        page.expect(
            &format!("{height} px, pushed by {pushed}"),
            &format!("JSON.stringify({places}) === '{expected}' && {AT_THE_END}"),
        );
    }
    // A dialog stands in the middle of what is left.
    page.run("cover(500, 120)");
    page.run("void openInvite()");
    page.expect_shown("#invite");
    let inside = "(({ top, bottom }) => top >= 120 && bottom <= 620)(el.invite.getBoundingClientRect())";
    page.expect("the dialog in sight", inside);
    take_picture(&page, "keyboard-covers-phone-light");
    page.run("void el.invite.close()");
    page.click("#toggle-panel");
    page.expect(
        "the drawer in sight",
        "(({ top, bottom }) => top >= 120 && bottom <= 620)(el.panel.getBoundingClientRect())",
    );
    page.press("Escape");
    // Who enlarges the page with two fingers sees a part of it, and nothing moves.
    page.run("cover(422, 200, 2)");
    page.expect("the page as it was", &format!("JSON.stringify({places}) === '[0,0,true,false]'"));
}

#[test]
fn a_phone_on_its_side_keeps_its_height_for_the_messages() {
    let Some(browser) = Browser::start() else { return };
    let server = talkative_room(60);
    let page = browser.tab();
    page.size(Size::Phone);
    page.go_to(server.addr());
    page.join("Ben");
    page.expect_message("Ana", "message 60");
    page.size(Size::Sideways(390));
    page.expect_hidden("#panel");
    page.expect("people in a drawer", "!wide.matches && !el.actions.contains(el.openInvite)");
    take_picture(&page, "landscape-phone-light");
    page.click("#toggle-panel");
    page.expect_focus("#close-panel");
    page.press("Escape");
    // With the keyboard.
    page.size(Size::Sideways(200));
    page.expect("a slim header", "el.header.offsetHeight <= 46 && el.foot.offsetHeight <= 56");
    page.expect("the end", AT_THE_END);
    take_picture(&page, "landscape-keyboard-phone-light");
    let out = "[el.header, el.title, el.openSearch, el.togglePanel, el.message, el.send].filter((node) => {
        const { left, right, top, bottom } = node.getBoundingClientRect();
        return left < 0 || top < 0 || right > innerWidth || bottom > innerHeight;
    }).map((node) => node.id)";
    assert_eq!(page.run(out), json!([]), "all in sight");
    for height in [200, 165] {
        page.size(Size::Sideways(height));
        page.expect("the end", AT_THE_END);
        page.expect(&format!("two messages in {height} px"), &format!("{WHOLE} >= 2"));
    }
}

/// A phone on its side has its camera at the left or the right, and a line to be drawn at the foot.
#[test]
fn nothing_to_read_or_press_lies_under_a_phones_camera() {
    let Some(browser) = Browser::start() else { return };
    let server = talkative_room(60);
    let page = browser.tab();
    page.go_to(server.addr());
    page.join("Ben");
    page.expect_message("Ana", "message 60");
    page.size(Size::Sideways(390));
    let insets = json!({"insets": {"top": 0, "left": 50, "bottom": 20, "right": 60}});
    page.call("Emulation.setSafeAreaInsetsOverride", insets);
    let covered = "[...document.querySelectorAll('button, input, textarea, h1, h2, summary, .disc, .bubble, .field, #status, #menu')]
        .filter((node) => node.checkVisibility() && node.getClientRects().length > 0)
        .filter((node) => {
            const { left, right, bottom } = node.getBoundingClientRect();
            const isLow = node.closest('#foot, #menu') && bottom > innerHeight - 20;
            return left < 50 || right > innerWidth - 60 || isLow;
        }).map((node) => node.id || node.textContent)";
    for dir in ["ltr", "rtl"] {
        page.run(&format!("void (document.documentElement.dir = '{dir}')"));
        page.run("flash('A word in the status line', 'warn')");
        page.expect_shown("#status");
        assert_eq!(page.run(covered), json!([]), "{dir}");
        page.run("void openMessageMenu(state.log.last)");
        page.expect("the menu", "el.menu.open");
        assert_eq!(page.run(covered), json!([]), "{dir}, with a menu");
        page.press("Escape");
        page.click("#toggle-panel");
        page.expect_focus("#close-panel");
        assert_eq!(page.run(covered), json!([]), "{dir}, with the drawer");
        if dir == "ltr" {
            take_picture(&page, "camera-drawer-phone-light");
        }
        page.press("Escape");
        page.expect_hidden("#panel");
    }
}

#[test]
fn a_long_press_opens_the_menu_of_a_message_and_moving_does_not() {
    let Some(browser) = Browser::start() else { return };
    let server = talkative_room(30);
    let page = browser.tab();
    page.size(Size::Phone);
    page.go_to(server.addr());
    page.join("Ben");
    page.expect_message("Ana", "message 30");
    page.expect("the end", AT_THE_END);
    let finger = Finger::Down(100.0, 500.0);
    // Held, and not lifted yet: nobody has clicked.
    page.run("void on(document, { click() { window.clicked = true; } })");
    page.touch(finger);
    page.expect("the menu", "el.menu.open && !window.clicked");
    page.touch(Finger::Up);
    page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    assert_eq!(page.run("el.menu.open"), true, "lifted, it stays");
    page.press("Escape");
    page.expect_hidden("#menu");
    // A finger that moves scrolls.
    page.touch(finger);
    page.expect("a press", "state.log.clickTimer > 0");
    for y in [480.0, 440.0, 400.0] {
        page.touch(Finger::To(100.0, y));
    }
    page.run("new Promise((done) => setTimeout(done, PRESS_MS + 100))");
    assert_eq!(page.run("el.menu.open"), false);
    page.touch(Finger::Up);
}

#[test]
fn joining_on_a_phone_goes_on_in_the_message_box_with_the_keyboard_up() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let page = browser.tab();
    page.size(Size::Phone);
    page.go_to(server.addr());
    assert_eq!(page.run("document.activeElement.matches('input, textarea')"), false, "no keyboard unasked");
    tap(&page, "#name");
    page.expect_focus("#name");
    page.type_text("Ana");
    page.run("void (window.moves = [], addEventListener('focusout', (event) => moves.push(event.relatedTarget?.id ?? null)))");
    tap(&page, "#join-button");
    page.expect_focus("#message");
    assert_eq!(page.run("moves"), json!(["message"]), "from field to field, with nothing between");
    page.type_text("Hello");
    tap(&page, "#send");
    page.expect_message("You", "Hello");
    assert_eq!(page.run("[moves, document.activeElement.id]"), json!([["message"], "message"]));
    // With no keyboard up, none comes.
    page.run("document.activeElement.blur()");
    page.run("void jumpToEnd()");
    page.expect_focus("#scroller");
}

#[test]
fn older_messages_wait_until_a_fingers_momentum_has_ended() {
    let Some(browser) = Browser::start() else { return };
    let server = talkative_room(200);
    let page = browser.tab();
    page.size(Size::Phone);
    page.go_to(server.addr());
    page.expect_message("Ana", "message 200");
    page.expect("the end", AT_THE_END);
    let first = page.run("firstMessage().id");
    page.touch(Finger::Down(200.0, 400.0));
    page.expect("a finger", "state.scroll.fingers === 1");
    scroll_to(&page, "300");
    page.run(
        "void (() => {
            const real = Object.getOwnPropertyDescriptor(Element.prototype, 'scrollTop');
            window.sets = 0;
            Object.defineProperty(el.scroller, 'scrollTop', {
                get: real.get, set(top) { sets++; real.set.call(this, top); },
            });
            window.read = state.log.messages.get(state.scroll.place.id).node;
            window.readAt = topOf(read);
        })()",
    );
    page.expect("the answer", "state.log.pages.length === 1");
    // What is said meanwhile stands at the far end.
    server.join("Carla").say_and_wait("message 201");
    page.expect_text("#jump", "1 new ↓");
    let held = page.run("[firstMessage().id, sets, state.connection.asked.length, topOf(read) - readAt]");
    assert_eq!(held, json!([first, 0, 0, 0]), "nothing comes in, and nothing is set, under a finger");
    page.touch(Finger::Up);
    page.expect("older messages", &format!("firstMessage().id < {first}"));
    assert!(page.number("Math.abs(topOf(read) - readAt)") < 2.0, "what is read stays");
}

#[test]
fn the_browsers_word_that_the_network_is_gone_or_back_is_believed_at_once() {
    let Some(browser) = Browser::start() else { return };
    let server = TestServer::start();
    let url = format!("http://room.lan:{}", server.addr().port());
    let page = browser.tab();
    page.visit(&url);
    page.expect_connection("live");
    page.join("Ana");
    let hears =
        |event: &str| page.run(&format!("(dispatchEvent(new Event('{event}')), state.connection.phase)"));
    assert_eq!(hears("offline"), "lost");
    page.write("Are you there?");
    page.expect_text("#status-text", "Reconnecting…");
    // It does not wait for its next attempt.
    page.run("void (clearTimeout(state.connection.retryTimer), state.connection.attempt = 10)");
    page.run("void dispatchEvent(new Event('online'))");
    page.expect_connection("live");
    page.expect_message("You", "Are you there?");
    // A room on this computer needs none.
    let own = browser.join(server.addr(), "Ben");
    assert_eq!(own.run("(dispatchEvent(new Event('offline')), state.connection.phase)"), "live");
    look_at(&page, "back-again", Size::Phone, Scheme::Dark);
}
