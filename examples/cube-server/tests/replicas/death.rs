//! Two replicas behind nginx, one of which is killed under load.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::nginx::Nginx;
use crate::{Aws, PASSWORD, STORE, ask, call, form_token, header, key_in};

/// An id of a login that nobody else has.
fn login_id(number: usize) -> String {
    format!("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBka{number:07}")
}

/// A whole login by way of the balancer, from a computer of its own; the key, if every step was answered.
fn log_in(address: &str, number: usize) -> Option<(String, String)> {
    let id = login_id(number);
    // The balancer adds its own peer; this is whom it forwards for.
    let from = format!("X-Forwarded-For: 203.0.{}.{}", number / 250, number % 250 + 1);
    let (status, page) = ask(address, &format!("GET /auth/login?session_id={id} HTTP/1.1\r\n{from}"), "");
    if status != 200 {
        return None;
    }
    let cookie = header(&page, "set-cookie:").split(';').next()?.to_owned();
    let post = |path: &str, cookie: &str, body: &str| {
        let kind = "Content-Type: application/x-www-form-urlencoded\r\nOrigin: http://localhost";
        ask(address, &format!("POST {path} HTTP/1.1\r\nCookie: {cookie}\r\n{kind}\r\n{from}"), body)
    };
    let password = PASSWORD.replace(' ', "+");
    let body = format!("session_id={id}&token={}&username=ann&password={password}", form_token(&page));
    let (status, reply) = post("/auth/login", &cookie, &body);
    if status != 303 {
        return None;
    }
    let cookie = header(&reply, "set-cookie:").split(';').next()?.to_owned();
    let head = format!("GET /auth/confirm?session_id={id} HTTP/1.1\r\nCookie: {cookie}\r\n{from}");
    let (status, page) = ask(address, &head, "");
    if status != 200 {
        return None;
    }
    let body = format!("session_id={id}&token={}&decision=allow", form_token(&page));
    if post("/auth/confirm", &cookie, &body).0 != 200 {
        return None;
    }
    let (status, reply) = ask(address, &format!("GET /auth/session/{id} HTTP/1.1\r\n{from}"), "");
    (status == 200).then(|| (id, key_in(&reply)))
}

/// What was answered while everything ran.
#[derive(Default)]
struct Answered {
    made: Mutex<Vec<String>>,
    revoked: Mutex<Vec<String>>,
    logins: Mutex<Vec<(String, String)>>,
    calls: AtomicUsize,
}

/// Work until it is told to end. A step that is not answered is no fault here; a wrong answer is.
fn work(kind: usize, address: &str, admin: &str, over: &AtomicBool, answered: &Answered) {
    let json = format!("Authorization: Bearer {admin}\r\nContent-Type: application/json");
    let make = || {
        let (status, reply) =
            ask(address, &format!("POST /admin/keys HTTP/1.1\r\n{json}"), r#"{"owner":"ann","label":"load"}"#);
        assert!([201, 502, 504, 0].contains(&status), "{reply}");
        (status == 201).then_some(reply)
    };
    let mut number = 0;
    while !over.load(Ordering::Relaxed) {
        number += 1;
        match kind {
            0 => answered.made.lock().unwrap().extend(make().map(|reply| key_in(&reply))),
            1 => {
                let Some(reply) = make() else { continue };
                let id = reply.split_once("\"id\":\"").unwrap().1.split_once('"').unwrap().0;
                let (status, said) = ask(address, &format!("DELETE /admin/keys/{id} HTTP/1.1\r\n{json}"), "");
                assert!([200, 204, 502, 504, 0].contains(&status), "{said}");
                if [200, 204].contains(&status) {
                    answered.revoked.lock().unwrap().push(key_in(&reply));
                }
            }
            2 => answered.logins.lock().unwrap().extend(log_in(address, number)),
            _ => {
                let status = call(address, admin);
                assert!([200, 502, 504, 0].contains(&status), "a good key gets {status}");
                answered.calls.fetch_add(usize::from(status == 200), Ordering::Relaxed);
            }
        }
    }
}

#[test]
fn a_replica_that_dies_under_load_takes_nothing_with_it_that_was_answered() {
    let Some(aws) = Aws::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("cloud.yaml");
    std::fs::write(
        &config,
        "url: http://localhost\ntrusted_proxies: [127.0.0.1]\n\
         profiles: { admin: { groups: [admin], apps: ['*'], admin: true } }\n",
    )
    .unwrap();
    aws.said(&[&["cloud", "create-tables"][..], &STORE].concat(), "");
    aws.said(&[&["users", "add"][..], &STORE, &["ann", "--group", "admin"]].concat(), PASSWORD);
    let made = aws.said(&[&["keys", "create"][..], &STORE, &["--owner", "ann"]].concat(), "");
    let admin = made.split("api key").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let (mut one, first) = aws.serve(&config);
    let (_two, second) = aws.serve(&config);
    let nginx = Nginx::start([&first, &second]);
    let (address, over, answered) = (nginx.address.as_str(), AtomicBool::new(false), Answered::default());
    let so_far = || {
        let lists = [answered.made.lock().unwrap().len(), answered.revoked.lock().unwrap().len()];
        [lists[0], lists[1], answered.logins.lock().unwrap().len(), answered.calls.load(Ordering::Relaxed)]
    };
    // Each kind of work is answered so many times more.
    let wait_for = |more: usize| {
        let before = so_far();
        while so_far().iter().zip(before).any(|(now, before)| *now < before + more) {
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|kind| {
                let (admin, over, answered) = (&admin, &over, &answered);
                scope.spawn(move || work(kind, address, admin, over, answered))
            })
            .collect();
        wait_for(2);
        one.0.kill().unwrap();
        one.0.wait().unwrap();
        // The other one goes on by itself.
        wait_for(2);
        over.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.join().unwrap();
        }
    });
    for key in answered.made.into_inner().unwrap() {
        assert_eq!(call(address, &key), 200, "a key that was made is lost");
    }
    for (id, key) in answered.logins.into_inner().unwrap() {
        assert_eq!(call(address, &key), 200, "a login that was answered is lost");
        // Within 30 s it comes again, the same; after that it is over. It never begins anew.
        let (status, reply) =
            ask(address, &format!("GET /auth/session/{id} HTTP/1.1\r\nX-Forwarded-For: 203.1.1.1"), "");
        assert!(status == 410 || status == 200 && key_in(&reply) == key, "{reply}");
    }
    for key in answered.revoked.into_inner().unwrap() {
        while call(address, &key) != 401 {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
