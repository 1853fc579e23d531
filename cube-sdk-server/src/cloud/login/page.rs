//! The pages. They need no script and take nothing from elsewhere.

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use maud::{DOCTYPE, Markup, html};

use super::session_id::SessionId;
use crate::store::cloud::SessionRow;

/// What every page carries.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // The id stands in the address, so it goes nowhere else.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cache-control", "no-store"),
];

/// A page of the login.
pub(super) enum Page<'a> {
    SignIn {
        id: &'a SessionId,
        token: &'a str,
        /// The name that a wrong password was given for, as it was typed.
        tried: Option<&'a str>,
        /// What people call the provider, where there is one.
        provider: Option<&'a str>,
        /// May they sign in by a password that is kept here?
        local: bool,
    },
    Question {
        row: &'a SessionRow,
        id: &'a SessionId,
        token: &'a str,
    },
    Done,
    Denied,
    NoProfile {
        user: &'a str,
    },
    /// Why a sign-in elsewhere came to nothing.
    #[cfg(feature = "oidc")]
    Provider {
        id: &'a SessionId,
        word: &'a str,
        words: &'a str,
    },
    Used,
    Expired,
    OtherBrowser,
    ForeignForm,
    NoLogin,
    TooMany,
    Failed,
    /// The body of a redirection.
    Elsewhere,
}

impl Page<'_> {
    pub(super) fn response(&self, status: StatusCode) -> Response {
        let title = self.title();
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    title { (title) " – Cube" }
                    link rel="stylesheet" href="style.css";
                }
                body {
                    main {
                        p class="brand" { "Cube" }
                        h1 { (title) }
                        (self.body())
                    }
                }
            }
        };
        let mut response = (status, Html(page.into_string())).into_response();
        for (name, value) in HEADERS {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    }

    const fn title(&self) -> &'static str {
        match self {
            Self::SignIn { .. } => "Sign in",
            Self::Question { .. } => "Hand out a key?",
            Self::Done => "Signed in",
            Self::Denied => "Not allowed",
            Self::NoProfile { .. } => "No profile for you",
            #[cfg(feature = "oidc")]
            Self::Provider { .. } => "No sign-in there",
            Self::Used => "This login is over",
            Self::Expired => "This login has expired",
            Self::OtherBrowser => "This login belongs to another browser",
            Self::ForeignForm => "This form is not ours",
            Self::NoLogin => "No login is under way",
            Self::TooMany => "Too many tries",
            Self::Failed => "Something went wrong here",
            Self::Elsewhere => "Go on",
        }
    }

    fn body(&self) -> Markup {
        match self {
            Self::SignIn { id, token, tried, provider, local } => sign_in(id, token, *tried, *provider, *local),
            Self::Question { row, id, token } => question(row, id, token),
            Self::Done => html! { p { "The program that was waiting gets its key now. You can close this page." } },
            Self::Denied => html! {
                p { "No key was handed out. If you did not start this login yourself, all is well: just close this page." }
            },
            Self::NoProfile { user } => html! {
                p { "You are signed in as " strong { (user) } ", but none of your groups may use this service." }
                p { "Ask the one who runs it to put you into a group that has a profile, then start the login anew." }
            },
            #[cfg(feature = "oidc")]
            Self::Provider { id, word, words } => html! {
                p { "Your provider's answer: " strong { (word) } }
                @if !words.is_empty() { p { (words) } }
                p { a href={ "login?session_id=" (id.expose()) } { "Sign in again" } }
            },
            Self::Used => html! { p { "Its key was handed out already. Start a new login in your program." } },
            Self::Expired => html! { p { "A login lasts ten minutes. Start a new one in your program." } },
            Self::OtherBrowser => html! {
                p { "Somebody signed in for it elsewhere, or this browser keeps no cookies. Start a new login in your program, and open its page in one browser only." }
            },
            Self::ForeignForm => html! {
                p { "It does not come from the page that this browser was given. Go back to your program, open its login page again, and allow cookies for it." }
            },
            Self::NoLogin => {
                html! { p { "This page is opened by a program that waits for its key. Start the login there." } }
            }
            Self::TooMany => html! { p { "Wait a minute, then try again." } },
            Self::Failed => {
                html! { p { "The fault is not yours. Try again; if it stays, tell the one who runs the service." } }
            }
            Self::Elsewhere => html! { p { "The next page follows." } },
        }
    }
}

fn sign_in(id: &SessionId, token: &str, tried: Option<&str>, provider: Option<&str>, local: bool) -> Markup {
    html! {
        p { "A program wants a key to work in your name. Sign in to see which." }
        @if tried.is_some() {
            p class="fault" id="fault" role="alert" { "That name and password do not fit together." }
        }
        @if let Some(provider) = provider {
            p { a class="button" href={ "oidc?session_id=" (id.expose()) "&token=" (token) } { "Sign in with " (provider) } }
        }
        @if local {
            (password(id, token, tried))
        }
    }
}

fn password(id: &SessionId, token: &str, tried: Option<&str>) -> Markup {
    let fault = tried.map(|_| "fault");
    html! {
        form method="post" action="login" {
            input type="hidden" name="session_id" value=(id.expose());
            input type="hidden" name="token" value=(token);
            label for="username" { "Name or e-mail" }
            input id="username" name="username" type="text" autocomplete="username" autocapitalize="none" spellcheck="false"
                required value=[tried] autofocus[tried.is_none()] aria-describedby=[fault];
            label for="password" { "Password" }
            input id="password" name="password" type="password" autocomplete="current-password" required
                autofocus[tried.is_some()] aria-describedby=[fault];
            button type="submit" { "Sign in" }
        }
    }
}

fn question(row: &SessionRow, id: &SessionId, token: &str) -> Markup {
    let (user, profile) = (row.user.as_deref().unwrap_or_default(), row.profile.as_deref().unwrap_or_default());
    html! {
        p { "You are signed in as " strong { (user) } " with the profile " strong { (profile) } "." }
        dl {
            dt { "Code" }
            dd class="code" { (id.code()) }
            dt { "Who waits" }
            @match (&row.poll_address, &row.poll_program) {
                (Some(address), Some(program)) => dd { (program) " at " (address) },
                _ => dd { "Nobody yet. Only go on if you started this login yourself a moment ago." },
            }
        }
        p { "Allow it only if you started this login yourself, on that machine. If your program shows a code, it must be this one." }
        form method="post" action="confirm" {
            input type="hidden" name="session_id" value=(id.expose());
            input type="hidden" name="token" value=(token);
            button type="submit" name="decision" value="allow" { "Allow" }
            button type="submit" name="decision" value="deny" class="second" { "Deny" }
        }
        p { a href={ "confirm?session_id=" (id.expose()) } { "Look again who waits" } }
    }
}

/// The style sheet, beside the pages.
pub(super) async fn style() -> Response {
    const STYLE: &str = include_str!("style.css");
    let mut response = STYLE.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    response
}
