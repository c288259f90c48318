//! Why a transfer is refused: one code a reason, with its clause and its words in three languages.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod language;

use serde::Serialize;

use crate::diagnostic::translated;
pub use language::{BadLanguage, Language};

macro_rules! reasons {
    ($($variant:ident $code:literal $status:literal $clause:literal
        en $en:literal ru $ru:literal kk $kk:literal cure $cure:literal)*) => {
        /// The reason for which a transfer, a subject's record or a field was refused.
        ///
        /// The code, not the name, is what callers, ledger entries and rule files carry.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $(#[doc = concat!($en, " (", $clause, ").")] $variant,)*
        }

        impl Reason {
            /// Every reason there is, in the order of their names.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code that callers and ledger entries carry, such as `NO_CONSENT`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status (RFC 9110) of a refusal for this reason.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// The clause that asks for the refusal: an article of Law 94-V, an RFC, or the design.
            #[must_use]
            pub const fn clause(self) -> &'static str {
                match self { $(Self::$variant => $clause,)* }
            }

            /// What happened, in a short sentence without any value.
            #[must_use]
            pub const fn words(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$variant, Language::En) => $en,
                    (Self::$variant, Language::Ru) => $ru,
                    (Self::$variant, Language::Kk) => $kk,)*
                }
            }

            /// What the caller can do about it.
            #[must_use]
            pub fn cure(self, language: Language) -> &'static str {
                let cure = match self { $(Self::$variant => $cure,)* };
                translated(cure, language)
            }
        }
    };
}

reasons! {
    AnswerUninspectable "ANSWER_UNINSPECTABLE" 502 "94-V Art. 7(9)"
        en "the partner's answer cannot be inspected as this route asks"
        ru "ответ партнёра нельзя проверить так, как требует маршрут"
        kk "серіктестің жауабын бағыт талап еткендей тексеру мүмкін емес"
        cure "ask the partner for an answer in the format that the route names; what was sent \
            has arrived"
    AutomatedNotConsented "AUTOMATED_NOT_CONSENTED" 403 "94-V Art. 19-1"
        en "the consent does not accept decisions made without a person"
        ru "в согласии нет согласия на автоматизированные решения"
        kk "келісімде автоматтандырылған шешімдерге келісім жоқ"
        cure "obtain a consent in which automated processing was explained and accepted"
    BodyIncomplete "BODY_INCOMPLETE" 400 "RFC 9112 section 8"
        en "the body ended before it was complete"
        ru "тело запроса оборвалось"
        kk "сұрау денесі аяқталмай үзілді"
        cure "send the whole body, with the length that the header announces"
    BodyTooLarge "BODY_TOO_LARGE" 413 "design: limits"
        en "the body is larger than this gateway takes"
        ru "тело запроса больше допустимого"
        kk "сұрау денесі рұқсат етілген көлемнен үлкен"
        cure "split the batch, or ask the operator to raise `limits.body_bytes_max`"
    BodyTooSlow "BODY_TOO_SLOW" 408 "design: limits"
        en "the body did not arrive in time"
        ru "тело запроса не пришло вовремя"
        kk "сұрау денесі уақытында келмеді"
        cure "send the body faster, or in smaller batches"
    CallerNotAllowed "CALLER_NOT_ALLOWED" 403 "94-V Art. 22(1)"
        en "this caller may not use this route"
        ru "этой системе маршрут не разрешён"
        kk "бұл жүйеге бағыт рұқсат етілмеген"
        cure "use a route that the operator gave to this caller, or ask for this one"
    CallerUnknown "CALLER_UNKNOWN" 403 "94-V Art. 22(1)"
        en "the client certificate belongs to no known caller"
        ru "сертификат не принадлежит ни одной известной системе"
        kk "сертификат белгілі жүйелердің ешқайсысына тиесілі емес"
        cure "ask the operator to register the certificate's name under `[[caller]]`"
    CategoryNotAbroad "CATEGORY_NOT_ABROAD" 403 "94-V Art. 7(9), 16"
        en "the register keeps this category in the country"
        ru "реестр не выпускает эту категорию за границу"
        kk "тізілім бұл санатты шетелге жібермейді"
        cure "leave the field out, or have the register changed"
    CategoryNotConsented "CATEGORY_NOT_CONSENTED" 403 "94-V Art. 8(4)7)"
        en "the consent does not list this category"
        ru "категории нет в согласии субъекта"
        kk "субъектінің келісімінде бұл санат жоқ"
        cure "leave the field out, or obtain a consent that lists the category"
    CategoryNotForPartner "CATEGORY_NOT_FOR_PARTNER" 403 "94-V Art. 7(9), 14"
        en "the partner's entry does not list this category for this purpose"
        ru "у партнёра нет этой категории для этой цели"
        kk "серіктесте бұл мақсат үшін мұндай санат жоқ"
        cure "leave the field out, or have the partner's entry changed"
    CategoryNotForPurpose "CATEGORY_NOT_FOR_PURPOSE" 403 "94-V Art. 7(9), 14"
        en "the purpose does not need this category"
        ru "для этой цели категория не нужна"
        kk "бұл мақсатқа мұндай санат қажет емес"
        cure "leave the field out, or name the purpose that needs it"
    CharsetNotDeclared "CHARSET_NOT_DECLARED" 415 "RFC 9110 section 8.3.2"
        en "the body is in a charset that this route does not declare"
        ru "тело в кодировке, которую маршрут не объявляет"
        kk "сұрау денесі бағыт жарияламаған кодтауда"
        cure "send UTF-8, or ask the operator to declare the charset on the route"
    ConsentExpired "CONSENT_EXPIRED" 403 "94-V Art. 8(4)3), 8(5)"
        en "the consent has expired"
        ru "срок согласия истёк"
        kk "келісімнің мерзімі өтті"
        cure "obtain a new consent"
    ConsentIncomplete "CONSENT_INCOMPLETE" 403 "94-V Art. 8(4)"
        en "the consent lacks an item that the law requires"
        ru "в согласии нет обязательного пункта"
        kk "келісімде заң талап ететін тармақ жоқ"
        cure "import the consent with all seven items of Art. 8(4)"
    ConsentNotYetValid "CONSENT_NOT_YET_VALID" 403 "94-V Art. 8(4)3)"
        en "the consent is not yet in force"
        ru "согласие ещё не действует"
        kk "келісім әлі күшіне енген жоқ"
        cure "wait for the date from which the consent is valid"
    ConsentRefused "CONSENT_REFUSED" 403 "94-V Art. 7(6), 8(1)"
        en "the subject refused this transfer"
        ru "субъект отказал в передаче"
        kk "субъект беруден бас тартты"
        cure "do not send this subject's data"
    ConsentUnproven "CONSENT_UNPROVEN" 403 "94-V Art. 8(1), 25(2)(5)"
        en "there is no evidence of the consent"
        ru "нет подтверждения согласия"
        kk "келісімнің дәлелі жоқ"
        cure "import the consent with its evidence reference and digest"
    ConsentWithdrawn "CONSENT_WITHDRAWN" 403 "94-V Art. 8(7)"
        en "the subject withdrew the consent"
        ru "субъект отозвал согласие"
        kk "субъект келісімін қайтарып алды"
        cure "do not send this subject's data; a new consent is a new record"
    ConsentsChanging "CONSENTS_CHANGING" 503 "design: promise 5"
        en "consents of these subjects kept changing while the transfer was decided"
        ru "согласия этих субъектов менялись во время решения"
        kk "шешім кезінде осы субъектілердің келісімдері өзгеріп тұрды"
        cure "send the transfer again"
    ContentMismatch "CONTENT_MISMATCH" 422 "94-V Art. 7(9), 7(10)"
        en "a content is not what its type says"
        ru "содержимое не соответствует своему типу"
        kk "мазмұны өз түріне сәйкес емес"
        cure "send the content that the route names, whole and with nothing before or after it"
    ContentUninspectable "CONTENT_UNINSPECTABLE" 415 "94-V Art. 7(9), 7(10)"
        en "the body is of a kind that this route cannot inspect"
        ru "тело такого вида этот маршрут проверить не может"
        kk "бұл бағыт мұндай түрдегі денені тексере алмайды"
        cure "send the format that the route names, with its `Content-Type` and one coding at most"
    CountryNotConsented "COUNTRY_NOT_CONSENTED" 403 "94-V Art. 8(4)5), 16(3)"
        en "the consent does not name a country the data would go to"
        ru "страны, куда уйдут данные, нет в согласии"
        kk "деректер баратын ел келісімде аталмаған"
        cure "obtain a consent that names the country"
    CountryNotForPurpose "COUNTRY_NOT_FOR_PURPOSE" 403 "94-V Art. 14, 16"
        en "the register does not let this purpose go to that country"
        ru "реестр не допускает передачу в эту страну для этой цели"
        kk "тізілім бұл мақсат үшін ол елге беруге рұқсат етпейді"
        cure "use a partner in another country, or have the register changed"
    CountryProhibited "COUNTRY_PROHIBITED" 403 "94-V Art. 16(4)"
        en "the register prohibits this category in this country"
        ru "реестр запрещает передачу этой категории в эту страну"
        kk "тізілім бұл санатты осы елге беруге тыйым салады"
        cure "do not send this category there"
    CrossBorderNotConsented "CROSS_BORDER_NOT_CONSENTED" 403 "94-V Art. 8(4)5), 16(3)"
        en "the subject did not consent to a transfer abroad"
        ru "субъект не согласился на передачу за границу"
        kk "субъект шетелге беруге келісім бермеген"
        cure "obtain a consent that allows cross-border transfer"
    DocumentBeyondLimits "DOCUMENT_BEYOND_LIMITS" 422 "design: limits"
        en "the document is deeper, longer or has more members than this gateway takes"
        ru "документ глубже, длиннее или больше допустимого"
        kk "құжат рұқсат етілгеннен терең, ұзын немесе үлкен"
        cure "send a smaller document"
    DocumentUnparsable "DOCUMENT_UNPARSABLE" 400 "RFC 8259, RFC 4180, XML 1.0"
        en "the body is not, to the letter, what its format asks"
        ru "тело запроса не вполне соответствует своему формату"
        kk "сұрау денесі өз пішіміне дәлме-дәл сәйкес емес"
        cure "mend the document at the place named"
    FieldNewerThanConsent "FIELD_NEWER_THAN_CONSENT" 403 "94-V Art. 15(2)"
        en "the field was mapped after the consent was given"
        ru "поле появилось после того, как дано согласие"
        kk "өріс келісім берілгеннен кейін қосылған"
        cure "leave the field out, or obtain a new consent"
    FieldNotForPurpose "FIELD_NOT_FOR_PURPOSE" 403 "94-V Art. 7(9), 14"
        en "the route does not send this field for this purpose"
        ru "для этой цели маршрут поле не передаёт"
        kk "бағыт бұл мақсат үшін өрісті жібермейді"
        cure "leave the field out, or name the purpose that needs it"
    FieldShape "FIELD_SHAPE" 403 "94-V Art. 7(9)"
        en "a mapped field held an object or array instead of a value"
        ru "в поле вместо значения оказался объект или массив"
        kk "өрісте мәннің орнына нысан немесе массив тұр"
        cure "send a plain value there, or map the fields inside it"
    FieldUnknown "FIELD_UNKNOWN" 403 "94-V Art. 7(9), 8(4)7)"
        en "the route maps none of these fields"
        ru "маршрут не описывает эти поля"
        kk "бағыт бұл өрістерді сипаттамайды"
        cure "send fields that the route maps, or have the route's field map changed"
    FormulaFound "FORMULA_FOUND" 422 "design: limits"
        en "a cell would be run as a formula by a spreadsheet"
        ru "ячейку табличный процессор выполнил бы как формулу"
        kk "ұяшықты кестелік бағдарлама формула ретінде орындар еді"
        cure "take the leading `=`, `+`, `-` or `@` away, or ask the operator to have the \
            route neutralise it"
    HeadMalformed "HEAD_MALFORMED" 400 "RFC 9112, RFC 9113"
        en "the request's head is malformed or ambiguous"
        ru "заголовок запроса неверен или неоднозначен"
        kk "сұраудың басы қате немесе бірмәнді емес"
        cure "send one well-formed head, with one `Host` and one way to tell the body's length"
    HostUnknown "HOST_UNKNOWN" 421 "RFC 9110 section 7.4"
        en "this gateway does not serve that host"
        ru "этот шлюз не обслуживает такой узел"
        kk "бұл шлюз мұндай торапқа қызмет көрсетпейді"
        cure "use the gateway's host name, or a partner's, as the operator gave it"
    IdempotencyUnsupported "IDEMPOTENCY_UNSUPPORTED" 400 "design: what a caller sees"
        en "this gateway cannot yet promise that a retry is the same disclosure"
        ru "шлюз пока не может признать повтор той же передачей"
        kk "шлюз қайталауды сол беру деп әзірге тани алмайды"
        cure "send the transfer without `Idempotency-Key`, and do not retry blindly"
    IdentifierFound "IDENTIFIER_FOUND" 422 "94-V Art. 7(9)"
        en "an identifier stands in a field that may not hold it"
        ru "в поле стоит идентификатор, которого в нём быть не должно"
        kk "өрісте онда болмауы тиіс сәйкестендіргіш тұр"
        cure "take the number or address out of the text, or ask the officer whether the \
            field may hold it"
    IdentifierInStudy "IDENTIFIER_IN_STUDY" 403 "94-V Art. 17(1)"
        en "data for a study hold something that identifies a person"
        ru "в данных для исследования есть то, что указывает на человека"
        kk "зерттеуге арналған деректерде адамды анықтайтын нәрсе бар"
        cure "remove the identifier; a keyed hash of one counts as one"
    InflatedTooLarge "INFLATED_TOO_LARGE" 413 "design: limits"
        en "the body is too large once it is decompressed"
        ru "распакованное тело больше допустимого"
        kk "ашылған дене рұқсат етілген көлемнен үлкен"
        cure "send less at once, or uncompressed"
    LegalRequestIncomplete "LEGAL_REQUEST_INCOMPLETE" 403 "94-V Art. 9; policy clause 4.2"
        en "the state body's request is not named, not known or not in force"
        ru "запрос госоргана не назван, неизвестен или не действует"
        kk "мемлекеттік органның сұрау салуы аталмаған, белгісіз немесе күшінде емес"
        cure "name an accepted request of the state body in `Otkel-Legal-Request`"
    LegalRequestNotForRoute "LEGAL_REQUEST_NOT_FOR_ROUTE" 403 "94-V Art. 7(5), 9"
        en "this route does not rest on a state body's request"
        ru "этот маршрут не основан на запросе госоргана"
        kk "бұл бағыт мемлекеттік органның сұрау салуына негізделмеген"
        cure "leave `Otkel-Legal-Request` out: here only consents count"
    LogBusy "LOG_BUSY" 503 "design: limits"
        en "too many transfers are waiting for their record"
        ru "слишком много передач ждут записи"
        kk "тым көп беру жазбасын күтіп тұр"
        cure "send the transfer again after a pause"
    LogUnavailable "LOG_UNAVAILABLE" 503 "94-V Art. 22(1)(5)"
        en "the disclosure cannot be recorded, so nothing was sent"
        ru "передачу нельзя записать, поэтому ничего не отправлено"
        kk "беруді жазу мүмкін емес, сондықтан ештеңе жіберілмеді"
        cure "tell the operator; send the transfer again when the store is well"
    MethodNotAllowed "METHOD_NOT_ALLOWED" 405 "RFC 9110 section 15.5.6"
        en "the route does not take this method"
        ru "маршрут не принимает этот метод"
        kk "бағыт бұл әдісті қабылдамайды"
        cure "use the method that the route declares"
    NoConsent "NO_CONSENT" 403 "94-V Art. 7(6), 15(1)"
        en "no consent of the subject is known"
        ru "согласие субъекта неизвестно"
        kk "субъектінің келісімі белгісіз"
        cure "obtain and import the subject's consent"
    NoSubjects "NO_SUBJECTS" 422 "94-V Art. 22(1)(5)"
        en "the document holds no subject records where the route expects them"
        ru "в документе нет записей субъектов там, где их ждёт маршрут"
        kk "құжатта бағыт күтетін жерде субъект жазбалары жоқ"
        cure "put the records where the route's `subjects` path says"
    NoticeUnknown "NOTICE_UNKNOWN" 403 "94-V Art. 15(2), 25(2)(1-1)"
        en "the consent was given to a notice that the register does not have"
        ru "согласие дано на текст, которого нет в реестре"
        kk "келісім тізілімде жоқ мәтінге берілген"
        cure "have the exact text that was shown registered, or obtain a new consent"
    Overloaded "OVERLOADED" 503 "design: limits"
        en "the gateway is carrying as much as it may"
        ru "шлюз занят до предела"
        kk "шлюз шегіне дейін бос емес"
        cure "send the transfer again after a pause"
    PartnerAnswerBad "PARTNER_ANSWER_BAD" 502 "RFC 9110 section 15.6.3"
        en "the partner's answer was broken"
        ru "ответ партнёра испорчен"
        kk "серіктестің жауабы бұзылған"
        cure "ask the partner whether the transfer arrived before sending again"
    PartnerBlocked "PARTNER_BLOCKED" 403 "94-V Art. 25(2)(8)"
        en "transfers to this partner are blocked"
        ru "передачи этому партнёру заблокированы"
        kk "бұл серіктеске беру бұғатталған"
        cure "wait until the responsible person has lifted the block"
    PartnerKeyUnavailable "PARTNER_KEY_UNAVAILABLE" 503 "94-V Art. 22(1)"
        en "there is no valid key of the partner to encrypt to"
        ru "нет действующего ключа партнёра"
        kk "серіктестің жарамды кілті жоқ"
        cure "have the operator install the partner's current key"
    PartnerNotBound "PARTNER_NOT_BOUND" 403 "94-V Art. 10(1), 11(1), 22(1)"
        en "the partner's agreement or undertaking is missing or has expired"
        ru "соглашение или обязательство партнёра отсутствует либо истекло"
        kk "серіктестің келісімшарты не міндеттемесі жоқ немесе мерзімі өткен"
        cure "renew the agreement and the undertaking in the partner's entry"
    PartnerNotForPurpose "PARTNER_NOT_FOR_PURPOSE" 403 "94-V Art. 7(8), 14"
        en "the register does not let this purpose go to this partner"
        ru "реестр не допускает передачу этому партнёру для этой цели"
        kk "тізілім бұл мақсат үшін осы серіктеске беруге рұқсат етпейді"
        cure "use a partner that the purpose lists, or have the register changed"
    PartnerSuspended "PARTNER_SUSPENDED" 403 "94-V Art. 22(2)"
        en "the partner is suspended or its review is overdue"
        ru "партнёр приостановлен или его пересмотр просрочен"
        kk "серіктес тоқтатылған немесе қайта қарау мерзімі өткен"
        cure "have the partner's entry reviewed"
    PartnerTimeout "PARTNER_TIMEOUT" 504 "RFC 9110 section 15.6.5"
        en "the partner did not answer in time"
        ru "партнёр не ответил вовремя"
        kk "серіктес уақытында жауап бермеді"
        cure "ask the partner whether the transfer arrived before sending again"
    PartnerUnreachable "PARTNER_UNREACHABLE" 502 "RFC 9110 section 15.6.3"
        en "the partner could not be reached over verified TLS"
        ru "с партнёром нет проверенного соединения TLS"
        kk "серіктеспен тексерілген TLS байланысы жоқ"
        cure "tell the operator; the log says what failed"
    PublicationNotConsented "PUBLICATION_NOT_CONSENTED" 403 "94-V Art. 7(3), 8(4)6)"
        en "the subject did not consent to publication there"
        ru "субъект не согласился на публикацию в этом источнике"
        kk "субъект ол жерде жариялауға келісім бермеген"
        cure "obtain a consent that names the public source"
    PurposeAmbiguous "PURPOSE_AMBIGUOUS" 400 "94-V Art. 7(8)"
        en "more than one purpose was named"
        ru "названо больше одной цели"
        kk "бірден көп мақсат аталды"
        cure "name one purpose in `Otkel-Purpose`"
    PurposeBlocked "PURPOSE_BLOCKED" 403 "94-V Art. 25(2)(8)"
        en "transfers for this purpose are blocked"
        ru "передачи для этой цели заблокированы"
        kk "бұл мақсатпен беру бұғатталған"
        cure "wait until the responsible person has lifted the block"
    PurposeEnded "PURPOSE_ENDED" 403 "94-V Art. 12(2), 18"
        en "the purpose has been reached or has ended"
        ru "цель достигнута или прекращена"
        kk "мақсатқа жетілген немесе ол тоқтатылған"
        cure "do not send; what recipients still hold is to be destroyed"
    PurposeNotConsented "PURPOSE_NOT_CONSENTED" 403 "94-V Art. 14, 15(2)"
        en "the consent does not cover this purpose"
        ru "согласие не охватывает эту цель"
        kk "келісім бұл мақсатты қамтымайды"
        cure "obtain a consent for the purpose"
    PurposeNotCrossBorder "PURPOSE_NOT_CROSS_BORDER" 403 "94-V Art. 14, 16"
        en "the register does not let this purpose go abroad"
        ru "реестр не допускает трансграничную передачу для этой цели"
        kk "тізілім бұл мақсат үшін трансшекаралық беруге рұқсат етпейді"
        cure "use a partner in the country, or have the register changed"
    PurposeNotForRoute "PURPOSE_NOT_FOR_ROUTE" 403 "94-V Art. 7(8), 14"
        en "the route does not serve this purpose"
        ru "маршрут не служит этой цели"
        kk "бағыт бұл мақсатқа қызмет етпейді"
        cure "name a purpose that the route declares"
    PurposeUnknown "PURPOSE_UNKNOWN" 403 "94-V Art. 7(8), 14"
        en "the purpose is missing, unknown, reserved or retired"
        ru "цель не названа, неизвестна, зарезервирована или закрыта"
        kk "мақсат аталмаған, белгісіз, резервтелген немесе жабылған"
        cure "name one active purpose of the register in `Otkel-Purpose`"
    QueryNotAllowed "QUERY_NOT_ALLOWED" 400 "94-V Art. 7(9)"
        en "the route takes no query string"
        ru "маршрут не принимает строку запроса"
        kk "бағыт сұрау жолын қабылдамайды"
        cure "put the data into the body, where it can be checked"
    QuotaExceeded "QUOTA_EXCEEDED" 429 "94-V Art. 7(9)"
        en "more may not go to this partner today"
        ru "сегодня этому партнёру больше передавать нельзя"
        kk "бүгін бұл серіктеске бұдан артық беруге болмайды"
        cure "send the transfer after the time named, or have the quota changed"
    RecipientNotConsented "RECIPIENT_NOT_CONSENTED" 403 "94-V Art. 8(4)4)"
        en "the consent does not name this recipient"
        ru "получателя нет в согласии"
        kk "алушы келісімде аталмаған"
        cure "obtain a consent that names the recipient"
    RepresentativeRequired "REPRESENTATIVE_REQUIRED" 403 "94-V Art. 7(1), 8(1)"
        en "the subject is a minor and no representative gave the consent"
        ru "субъект несовершеннолетний, а согласие дал не представитель"
        kk "субъект кәмелетке толмаған, ал келісімді өкілі бермеген"
        cure "obtain the consent of the legal representative"
    RequestsExceeded "REQUESTS_EXCEEDED" 429 "design: quotas"
        en "this caller has sent as many requests as it may for now"
        ru "эта система исчерпала число запросов"
        kk "бұл жүйе сұрауларының шегіне жетті"
        cure "send the transfer again after the time named"
    RequiredFieldRemoved "REQUIRED_FIELD_REMOVED" 403 "94-V Art. 7(9)"
        en "a field that the partner cannot do without is missing or may not leave"
        ru "обязательного для партнёра поля нет или оно не может уйти"
        kk "серіктеске міндетті өріс жоқ немесе жіберілмейді"
        cure "see which field; send it, or obtain a consent that covers it"
    RouteClosed "ROUTE_CLOSED" 403 "94-V Art. 7(8)"
        en "the route takes no transfers on this day"
        ru "в этот день маршрут закрыт"
        kk "бұл күні бағыт жабық"
        cure "send within the days that the rules name"
    RouteUnknown "ROUTE_UNKNOWN" 404 "94-V Art. 7(6)"
        en "no route has this path"
        ru "такого маршрута нет"
        kk "мұндай бағыт жоқ"
        cure "use a path that a partner's rule file declares"
    RulesChanging "RULES_CHANGING" 503 "design: promise 8"
        en "the rules were changed while the transfer was decided"
        ru "правила изменились во время решения"
        kk "шешім кезінде ережелер өзгерді"
        cure "send the transfer again"
    ShuttingDown "SHUTTING_DOWN" 503 "design: drain"
        en "the gateway is shutting down"
        ru "шлюз останавливается"
        kk "шлюз тоқтап жатыр"
        cure "send the transfer again after the restart"
    StateConsentRequired "STATE_CONSENT_REQUIRED" 403 "94-V Art. 8(1), 8-1, 10(4)"
        en "data of a state system need a consent given through the state service"
        ru "для данных государственной системы нужно согласие через государственный сервис"
        kk "мемлекеттік жүйенің деректеріне мемлекеттік сервис арқылы берілген келісім керек"
        cure "obtain the consent through the state service, or leave the field out"
    SubjectBlocked "SUBJECT_BLOCKED" 403 "94-V Art. 24(1)(3), 25(2)(8)"
        en "transfers of this subject's data are blocked"
        ru "передача данных субъекта заблокирована"
        kk "субъектінің деректерін беру бұғатталған"
        cure "wait until the responsible person has lifted the block"
    SubjectUnidentified "SUBJECT_UNIDENTIFIED" 403 "94-V Art. 7(6)"
        en "a record does not say whose it is"
        ru "запись не говорит, чья она"
        kk "жазба кімдікі екені белгісіз"
        cure "fill the field that the route names as `subject`"
    ThirdPartyNotConsented "THIRD_PARTY_NOT_CONSENTED" 403 "94-V Art. 8(4)4)"
        en "the subject did not consent to transfers to third parties"
        ru "субъект не согласился на передачу третьим лицам"
        kk "субъект үшінші тұлғаларға беруге келіспеген"
        cure "obtain a consent that allows third-party transfer"
    TreatmentImpossible "TREATMENT_IMPOSSIBLE" 422 "94-V Art. 7(9)"
        en "a value cannot be changed as the rules ask"
        ru "значение нельзя изменить так, как требуют правила"
        kk "мәнді ережелер талап еткендей өзгерту мүмкін емес"
        cure "send the value in the form that the field's rule expects, such as a date as \
            2026-11-22"
}

impl Reason {
    /// Reads a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_back_and_names_one_reason() {
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.code()), Some(*reason));
            assert!((400..600).contains(&reason.status()));
            let told =
                Language::ALL.map(|language| (reason.words(language), reason.cure(language)));
            let [(kk, kk_cure), (ru, ru_cure), (en, en_cure)] = told;
            assert!(kk != en && ru != en && kk != ru, "{reason}");
            assert!(kk_cure != en_cure && ru_cure != en_cure && kk_cure != ru_cure, "{reason}");
        }
    }
}
