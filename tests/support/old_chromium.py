"""One window of the Chromium that Qt's WebEngine is made of, with DevTools on the port that QTWEBENGINE_REMOTE_DEBUGGING names.

Its DevTools have no keys: a key is pressed by Qt when the page says so on its console, "press Enter" or "press Shift Tab".
"""
import sys

from PyQt6.QtCore import Qt, QTimer, QUrl
from PyQt6.QtTest import QTest
from PyQt6.QtWebEngineCore import QWebEnginePage, QWebEngineProfile
from PyQt6.QtWebEngineWidgets import QWebEngineView
from PyQt6.QtWidgets import QApplication

KEYS = {
    "Enter": Qt.Key.Key_Return,
    "Tab": Qt.Key.Key_Tab,
    "Escape": Qt.Key.Key_Escape,
    "ArrowUp": Qt.Key.Key_Up,
    "ArrowDown": Qt.Key.Key_Down,
    "c": Qt.Key.Key_C,
    "v": Qt.Key.Key_V,
}
HELD = {"Shift": Qt.KeyboardModifier.ShiftModifier, "Control": Qt.KeyboardModifier.ControlModifier}


class Page(QWebEnginePage):
    def javaScriptConsoleMessage(self, _level, message, _line, _source):
        words = message.split()
        if words[:1] == ["press"]:
            QTimer.singleShot(0, lambda: press(words[-1], words[1:-1]))


def press(key, held):
    modifiers = Qt.KeyboardModifier.NoModifier
    for name in held:
        modifiers |= HELD[name]
    QTest.keyClick(view.focusProxy(), KEYS[key], modifiers)


application = QApplication(sys.argv)
profile = QWebEngineProfile()  # without a name: nothing is kept
view = QWebEngineView()
view.setPage(Page(profile, view))
view.resize(1280, 800)
view.load(QUrl("about:blank"))
view.show()
view.activateWindow()
view.setFocus()
sys.exit(application.exec())
