"""A browser of nothing but windows, for WebKitWebDriver to drive: MiniBrowser's are never narrower than 447 pixels.

What WebDriver has no command for is asked of a window from its page: `webkit.messageHandlers.window.postMessage(JSON)`.
What pages complain of, and what they ask for, is written to the file that the command line names.
"""
import base64
import json
import os
import sys

import gi

for name, version in {"Gdk": "3.0", "Gtk": "3.0", "JavaScriptCore": "4.1", "WebKit2": "4.1"}.items():
    gi.require_version(name, version)
from gi.repository import Gdk, GLib, Gtk, JavaScriptCore, WebKit2  # noqa: E402


# WebKit's own console is written nowhere. A ResizeObserver that reports one was late, and nothing failed.
COMPLAINTS = """(() => {
    const complain = (...words) => webkit.messageHandlers.window.postMessage(JSON.stringify({ complaint: words.join(' ') }));
    addEventListener('error', ({ message }) => { if (!message.startsWith('ResizeObserver')) complain(message); });
    addEventListener('unhandledrejection', ({ reason }) => complain('rejected:', reason));
    addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) =>
        complain('Content Security Policy:', effectiveDirective, blockedURI));
    for (const kind of ['error', 'warn']) {
        const { [kind]: say } = console;
        console[kind] = (...words) => { complain('console:', ...words); say.apply(console, words); };
    }
})()"""


class Window:
    """One tab."""

    count = 0

    def __init__(self, context):
        self.number, Window.count = Window.count, Window.count + 1
        self.data = context.get_website_data_manager()
        self.scripts = WebKit2.UserContentManager()
        self.scripts.connect("script-message-with-reply-received::window", self.answer)
        self.scripts.register_script_message_handler_with_reply("window", None)
        self.observe(COMPLAINTS)
        settings = WebKit2.Settings(
            enable_fullscreen=True,
            javascript_can_access_clipboard=True,
            hardware_acceleration_policy=WebKit2.HardwareAccelerationPolicy.NEVER,
        )
        self.view = WebKit2.WebView(
            web_context=context,
            is_controlled_by_automation=True,
            user_content_manager=self.scripts,
            settings=settings,
        )
        self.view.connect("resource-load-started", self.note)
        self.view.connect("close", lambda _: self.frame.destroy())
        self.frame = Gtk.Window(decorated=False)
        self.frame.set_default_size(1280, 800)
        self.frame.add(self.view)
        self.frame.show_all()
        self.bring_to_front()

    def note(self, _view, _resource, request):
        print("REQUEST", self.number, request.get_uri(), flush=True)

    def observe(self, script):
        frames, start = WebKit2.UserContentInjectedFrames.TOP_FRAME, WebKit2.UserScriptInjectionTime.START
        self.scripts.add_script(WebKit2.UserScript.new(script, frames, start, None, None))

    def bring_to_front(self):
        # There is no window manager, so nothing else gives a window the focus.
        self.frame.present()
        self.view.grab_focus()

    def answer(self, _scripts, value, reply):
        def say(text=""):
            reply.return_value(JavaScriptCore.Value.new_string(value.get_context(), text))

        asked = json.loads(value.to_string())
        if "size" in asked:
            self.frame.resize(*asked["size"])
        if "dark" in asked:
            Gtk.Settings.get_default().props.gtk_application_prefer_dark_theme = asked["dark"]
        if "motion" in asked:
            Gtk.Settings.get_default().props.gtk_enable_animations = asked["motion"]
        if "cookies" in asked or "empty" in asked:
            policy = WebKit2.CookieAcceptPolicy
            taken = policy.NO_THIRD_PARTY if asked.get("cookies", True) else policy.NEVER
            self.data.get_cookie_manager().set_accept_policy(taken)
        if "shown" in asked:
            self.frame.set_visible(asked["shown"])
        if "front" in asked:
            self.bring_to_front()
        if "observe" in asked:
            self.observe(asked["observe"])
        if "complaint" in asked:
            print("COMPLAINT", self.number, json.dumps(asked["complaint"]), flush=True)
        if "empty" in asked:
            self.data.clear(WebKit2.WebsiteDataTypes.ALL, 0, None, lambda *_: say())
        elif "inject" in asked:
            self.view.evaluate_javascript(asked["inject"], -1, None, None, None, lambda *_: say())
        elif "picture" in asked:
            self.bring_to_front()
            # Painted by then: a picture is for people, and proves nothing.
            GLib.timeout_add(100, lambda: say(self.picture()))
        else:
            say()
        return True

    def picture(self):
        window = self.view.get_window()
        pixels = Gdk.pixbuf_get_from_window(window, 0, 0, window.get_width(), window.get_height())
        _, png = pixels.save_to_bufferv("png", [], [])
        return base64.b64encode(png).decode()


def main():
    console = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(console, 1)
    os.dup2(console, 2)
    Gtk.Settings.get_default().props.gtk_enable_animations = False
    context = WebKit2.WebContext.new_ephemeral()
    context.set_automation_allowed(True)
    context.set_preferred_languages(["en-GB"])

    def start(_context, session):
        session.connect("create-web-view", lambda _: Window(context).view)
        session.connect("will-close", lambda _: Gtk.main_quit())

    context.connect("automation-started", start)
    Gtk.main()


main()
