"""How models say no, as data: pieces of sentences by language.

A piece is looked for near the beginning of an answer, in lower case, with plain apostrophes. Refusals
of the *model* are meant, not of a person in a story: each piece speaks in the first person or names the rule.
"""

PIECES: dict[str, tuple[str, ...]] = {
    "en": (
        r"\bi(?: am|'m) (?:sorry|afraid),? (?:but )?(?:i|that|this)\b.{0,40}?(?:can't|cannot|can not|won't|unable|not able)",
        r"\bi (?:really |simply )?(?:can't|cannot|can not|won't|will not) (?:\w+ ){0,2}?(?:help(?! but\b)|assist|provide|comply|fulfil+|answer|create|generate|write|share|give|support|discuss|do that|engage|produce|offer)\b",
        r"\bi(?: am|'m) (?:\w+ )?(?:unable|not able|not allowed|not permitted|not in a position) to\b",
        r"\b(?:that's|that is|this is) not something i(?: can|'m able to| am able to) (?:help|assist|do|provide)\b",
        r"\bi must (?:respectfully )?(?:decline|refuse)\b",
        r"\b(?:against|violates?) (?:my|our|the) (?:guidelines|polic(?:y|ies)|programming|principles|content policy)\b",
        r"\bas an ai(?: \w+){0,3},? i (?:can't|cannot|do not|don't|am not)\b",
    ),
    "de": (
        r"\bich kann (?:ihnen |dir |euch )?(?:dabei|damit|hierbei|hier|darauf|diese[rsn]?|das|dazu|leider|bei)\b.{0,60}?\b(?:nicht|keine?n?)\b",
        r"\b(?:das|dabei|damit|hierbei|leider|dies(?:e[rsnm]?)?(?: \w+)?|dazu|so etwas) (?:kann|darf|werde) ich (?:\w+ ){0,4}?(?:nicht|keine?n?)\b",
        r"\bich (?:darf|werde|möchte) (?:\w+ ){0,3}?(?:nicht|keine?n?) (?:\w+ ){0,5}?(?:helfen|unterstützen|beantworten|geben|bereitstellen|erstellen|schreiben|verfassen|liefern)\b",
        r"\bich muss (?:\w+ ){0,3}?ablehnen\b",
        r"\b(?:verstößt gegen|widerspricht) (?:meine[nr]?|den|die|unsere[nr]?) (?:richtlinien|grundsätze)n?\b",
        r"\bich bin nicht in der lage\b",
    ),
    "hu": (
        r"\b(?:sajnálom|sajnos|elnézést|bocsánat)\b.{0,60}?\b(?:nem (?:tudok|tudom|segíthetek|adhatok|válaszolhatok|tehetem|áll módomban|lehetséges|szabad|vagyok képes))",
        r"\bnem (?:segíthetek|adhatok|válaszolhatok|nyújthatok|teljesíthetem|áll módomban|vagyok hajlandó|vagyok jogosult)\b",
        r"\b(?:ebben|erre|ezt|ilyen\w*|ehhez|abban) (?:a \w+ )?(?:sajnos )?(?:nem tudok|nem tudom|nem segíthetek|nem adhatok|nem válaszolhatok)\b",
        r"^nem tudok (?:\w+ ){0,2}?segíteni\b",
        r"\bvissza kell utasítanom\b",
        r"\b(?:ellentétes|ellenkezik|sérti) (?:az? )?(?:irányelve|szabályzat|alapelve)\w*",
    ),
    "ru": (
        r"\bя не (?:могу|вправе|буду|имею права|в состоянии) (?:(?!не )\S+ ){0,3}?(?:помо\w+|ответ\w+|предостав\w+|созда\w+|напис\w+|выполн\w+|дать|обсужда\w+|сделать|поддерж\w+|делиться|поделиться)",
        r"\b(?:извините|простите|к сожалению|сожалею|прошу прощения)\b.{0,40}?\bне (?:могу|вправе|буду|имею права|в состоянии)\b(?! не )",
        r"\b(?:вынужден\w*|должен|должна) (?:\S+ )?отказать\w*",
        r"\b(?:противоречит|нарушает) (?:моим|мои|наши|нашим|правила\w*) ?(?:правила\w*|принцип\w*|политик\w*)?",
        r"^не могу (?:(?!не )\S+ ){0,2}?помочь\b",
        r"\bс этим (?:я )?(?:помочь )?не (?:могу|смогу)\b",
    ),
    "zh": (
        r"(?:抱歉|对不起|很遗憾|不好意思)[，,、！!。\s]*.{0,12}?(?:我)?(?:不能|无法|不可以|没办法|没有办法)",
        r"我(?:不能|无法|不会|没办法|不便|拒绝)(?:为您|为你|向您|向你|给您|给你|就此|对此)?(?:提供|回答|帮助|协助|满足|完成|生成|创作|讨论|执行|参与|支持)",
        r"(?:我们?(?:也|真的|实在|恐怕)?|^|[,，。.!！;；\s])帮不了(?:您|你)",
        r"(?:抱歉|对不起|很遗憾|不好意思)[^。.!！他她它人]{0,12}?帮不了(?:您|你)",
        r"(?:违反|不符合)(?:了)?(?:我的|我们的|相关|使用)?(?:准则|政策|规定|原则|规范)",
        r"(?:无法|不能)(?:满足|回答|处理|完成)(?:您|你)(?:的)?(?:这个|该|此)?(?:请求|要求|问题)",
    ),
}  # fmt: skip
