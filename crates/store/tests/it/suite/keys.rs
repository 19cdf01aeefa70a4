//! API keys: made, found, listed, ended.

use std::time::Duration;

use store::{KeyState, NewKey, Scope, Scopes, Token};
use testkit::wait;

use crate::fixture::{Fixture, PATIENCE};

fn new_key(owner: &str, lasts: Option<Duration>) -> NewKey {
    let scopes = Scopes::new([Scope::Read, Scope::Submit]).unwrap();
    let token = Token::generate().unwrap();
    NewKey { token, owner: owner.to_owned(), name: "a bot".to_owned(), scopes, lasts }
}

pub(crate) async fn a_key_opens_to_its_token_alone(fixture: &Fixture) {
    assert!(!fixture.store.has_keys().await.unwrap());
    let new = new_key("desk-1", None);
    let made = fixture.store.create_key(&new).await.unwrap();
    assert!(fixture.store.has_keys().await.unwrap());
    let found = fixture.store.find_key(new.token.id()).await.unwrap().unwrap();
    assert_eq!(found, made);
    assert_eq!((found.owner.as_str(), found.name.as_str()), ("desk-1", "a bot"));
    assert_eq!((found.scopes, found.state), (new.scopes, KeyState::Active));
    assert_eq!((found.expires_at, found.revoked_at, found.left), (None, None, None));
    assert!(found.opens(&new.token));
    assert!(!found.opens(&Token::generate().unwrap()));
    let other_secret = format!("bf_{}_{}", new.token.id(), "0".repeat(64));
    assert!(!found.opens(&Token::parse(&other_secret).unwrap()));
    assert_eq!(fixture.store.find_key("000000000000").await.unwrap(), None);
    let secret = new.token.expose()[16..].to_owned();
    for column in ["id", "owner", "name"] {
        let kept = fixture.query(&format!("SELECT {column} FROM api_key")).await;
        assert!(!kept.contains(&secret), "{column} tells the secret");
    }
    assert!(fixture.store.create_key(&new).await.is_err(), "an id is given once");
}

pub(crate) async fn a_key_ends_when_its_time_is_over(fixture: &Fixture) {
    let long = new_key("a", Some(Duration::from_hours(1)));
    let made = fixture.store.create_key(&long).await.unwrap();
    assert_eq!(made.expires_at.unwrap() - made.created_at, 3_600_000);
    let left = made.left.unwrap();
    assert!(left <= Duration::from_hours(1) && left > Duration::from_mins(55), "{left:?}");
    let short = new_key("a", Some(Duration::from_millis(1)));
    fixture.store.create_key(&short).await.unwrap();
    let expired = || async {
        let found = fixture.store.find_key(short.token.id()).await.unwrap().unwrap();
        found.state == KeyState::Expired
    };
    wait::until_async(PATIENCE, "the key to expire", expired).await;
    let found = fixture.store.find_key(long.token.id()).await.unwrap().unwrap();
    assert_eq!(found.state, KeyState::Active);
}

pub(crate) async fn a_revoked_key_stays_revoked(fixture: &Fixture) {
    let (first, second) = (new_key("a", None), new_key("b", None));
    for key in [&first, &second] {
        fixture.store.create_key(key).await.unwrap();
    }
    assert!(!fixture.store.revoke_key("nonsense").await.unwrap());
    assert!(fixture.store.revoke_key(first.token.id()).await.unwrap());
    let revoked = fixture.store.find_key(first.token.id()).await.unwrap().unwrap();
    assert_eq!(revoked.state, KeyState::Revoked);
    assert!(revoked.revoked_at.is_some());
    assert!(fixture.store.revoke_key(first.token.id()).await.unwrap(), "a repeat is the same");
    let again = fixture.store.find_key(first.token.id()).await.unwrap().unwrap();
    assert_eq!(again.revoked_at, revoked.revoked_at);
    fixture.store.revoke_key(second.token.id()).await.unwrap();
    assert!(fixture.store.has_keys().await.unwrap(), "revoking the last one opens nothing");
    let listed = fixture.store.keys().await.unwrap();
    let mut ids: Vec<&str> = listed.iter().map(|key| key.id.as_str()).collect();
    ids.sort_unstable();
    let mut expected = [first.token.id(), second.token.id()];
    expected.sort_unstable();
    assert_eq!(ids, expected);
}
