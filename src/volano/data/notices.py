"""Notices: what the frames of pages say around their texts, in five languages. Data, to be added to.

`COOKIES` are parts of a sentence that only a notice has. `NAVIGATION` are whole lines: a line counts
when it is nothing but such words, parted by marks.
"""

import re
from collections.abc import Mapping

COOKIES: Mapping[str, tuple[str, ...]] = {
    "en": ("we use cookies", "uses cookies", "use of cookies", "accept all cookies", "cookie settings",
           "cookie policy", "cookie preferences", "reject all cookies", "consent to cookies"),
    "de": ("wir verwenden cookies", "diese website verwendet cookies", "alle cookies akzeptieren",
           "cookie-einstellungen", "cookies zustimmen", "cookie-richtlinie", "nutzen wir cookies"),
    "hu": ("sütiket használ", "cookie-kat használ", "sütik használat", "sütibeállítások", "süti beállítások",
           "sütik elfogadása", "az összes süti", "cookie-k használat", "süti szabályzat"),
    "ru": ("использует файлы cookie", "используем файлы cookie", "использует cookie", "используем cookie",
           "принять все cookie", "настройки cookie", "файлов cookie", "политика cookie"),
    "zh": ("使用cookie", "使用 cookie", "接受所有cookie", "接受所有 cookie", "cookie设置", "cookie 设置",
           "cookie政策", "cookie 政策"),
}  # fmt: skip

NAVIGATION: Mapping[str, tuple[str, ...]] = {
    "en": ("home", "menu", "search", "skip to content", "skip to main content", "log in", "login", "sign in",
           "sign up", "register", "subscribe", "back to top", "next", "previous", "read more", "share",
           "contact", "contact us", "about", "about us", "imprint", "privacy policy", "terms of use",
           "terms and conditions", "all rights reserved", "sitemap", "breadcrumb", "print", "facebook",
           "twitter", "linkedin", "instagram", "youtube", "rss", "newsletter", "help", "faq", "toggle navigation"),
    "de": ("startseite", "menü", "suche", "suchen", "zum inhalt springen", "zum inhalt", "anmelden", "einloggen",
           "registrieren", "abonnieren", "nach oben", "weiter", "zurück", "weiterlesen", "mehr erfahren", "teilen",
           "kontakt", "über uns", "impressum", "datenschutz", "datenschutzerklärung", "agb",
           "alle rechte vorbehalten", "drucken", "hilfe"),
    "hu": ("kezdőlap", "főoldal", "menü", "keresés", "ugrás a tartalomra", "tovább a tartalomhoz", "bejelentkezés",
           "belépés", "regisztráció", "feliratkozás", "vissza a tetejére", "következő", "előző", "tovább",
           "megosztás", "kapcsolat", "rólunk", "impresszum", "adatvédelem", "adatvédelmi tájékoztató", "ászf",
           "minden jog fenntartva", "nyomtatás", "súgó", "gyik", "hírlevél"),
    "ru": ("главная", "меню", "поиск", "перейти к содержимому", "войти", "вход", "регистрация", "подписаться",
           "наверх", "далее", "назад", "читать далее", "подробнее", "поделиться", "контакты", "о нас",
           "политика конфиденциальности", "пользовательское соглашение", "все права защищены", "карта сайта",
           "печать", "помощь", "вконтакте", "телеграм"),
    "zh": ("首页", "主页", "菜单", "搜索", "跳转到内容", "跳到主要内容", "登录", "注册", "订阅", "返回顶部", "下一页", "上一页",
           "阅读更多", "了解更多", "分享", "联系我们", "关于我们", "隐私政策", "使用条款", "版权所有", "网站地图", "打印", "帮助",
           "微信", "微博"),
}  # fmt: skip

LONGEST_NOTICE = 400
"""A longer line is text, even if it speaks of cookies."""
_COOKIES = re.compile("|".join(re.escape(one) for of in COOKIES.values() for one in of))
_WORDS = frozenset(one for of in NAVIGATION.values() for one in of)
_MARKS = re.compile(r"[|›»>/•·–—:\t©\[\]()!.,&+-]+|\s{2,}")


def is_cookie_notice(line: str) -> bool:
    """Whether a line speaks of a page's cookies."""
    return len(line) <= LONGEST_NOTICE and bool(_COOKIES.search(line.lower()))


def is_navigation(line: str) -> bool:
    """Whether a line is nothing but words of a menu, two at least: one alone may be a heading."""
    if len(line) > LONGEST_NOTICE:
        return False
    lowered = line.lower().strip()
    parts = [part for raw in _MARKS.split(lowered) if (part := raw.strip())]
    return len(parts) > 1 and all(part in _WORDS for part in parts)
