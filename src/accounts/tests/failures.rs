//! Who fails too often waits, and nobody else.

use super::*;

#[test]
fn failures_make_their_own_address_wait_and_nobody_else() {
    let room = room();
    let (device, foreign) = (room.sign_up("Ana").device, room.sign_up("Ben").device);
    let wrong =
        |asker: &Asker| room.log_in("ana@school.example", "wrong", asker).map(drop).expect_err("wrong");
    for _ in 0..limits::LOGIN_FAILURES.0 {
        assert!(matches!(wrong(&HERE), AccountError::Wrong));
    }
    assert!(matches!(wrong(&HERE), AccountError::Wait(_)));
    // The wait is short, so what has to meet it comes first.
    let right = |asker: &Asker| room.log_in("ana@school.example", "Ana's own secret", asker);
    assert!(matches!(
        right(&Asker { devices: foreign.as_deref().into_iter().collect(), ..HERE }),
        Err(AccountError::Wait(_))
    ));
    assert!(
        matches!(right(&HERE), Err(AccountError::Wait(_))),
        "not even the right one, or it could be guessed"
    );
    right(&ELSEWHERE).expect("another address is free");
    right(&Asker { devices: device.as_deref().into_iter().collect(), ..HERE })
        .expect("so is a browser that was logged in before");
    room.log_in("ben@school.example", "Ben's own secret", &HERE).expect("and other accounts at this address");
}

#[test]
fn who_guesses_at_a_shared_computer_makes_only_that_one_wait() {
    let room = room();
    let shared = room.sign_up("Ana").device;
    let right = |asker: &Asker| room.log_in("ana@school.example", "Ana's own secret", asker);
    let own = right(&ELSEWHERE).expect("right").device;
    assert_ne!(shared, own);
    let guesser = Asker { devices: shared.as_deref().into_iter().collect(), ..HERE };
    let again = right(&guesser).expect("right").device;
    assert_eq!(again, shared, "logging in again makes no further device");
    for _ in 0..limits::LOGIN_FAILURES.0 {
        let wrong = room.log_in("ana@school.example", "wrong", &guesser).map(drop).expect_err("wrong");
        assert!(matches!(wrong, AccountError::Wrong));
    }
    assert!(matches!(right(&guesser), Err(AccountError::Wait(_))));
    right(&Asker { devices: own.as_deref().into_iter().collect(), ..HERE })
        .expect("her own is free, even at the same address");
}

#[test]
fn who_tries_one_account_after_the_other_waits_at_all_of_them() {
    let room = room();
    let (device, free) = (room.sign_up("Ana").device, limits::ADDRESS_FAILURES.0);
    let right = |asker: &Asker| room.log_in("ana@school.example", "Ana's own secret", asker);
    let mut failed = 0;
    while let AccountError::Wrong =
        room.log_in(&format!("nobody{failed}@school.example"), "wrong", &HERE).map(drop).expect_err("nobody")
    {
        failed += 1;
        if failed == free / 2 {
            right(&HERE).expect("what succeeds takes nothing of it away");
        }
        // Some may be forgiven meanwhile, where the machine is slow.
        assert!(failed < free + free / 2, "{failed} accounts were tried");
    }
    assert!(failed >= free, "only {failed}");
    assert!(matches!(right(&HERE), Err(AccountError::Wait(_))));
    right(&ELSEWHERE).expect("another address is free");
    right(&Asker { devices: device.as_deref().into_iter().collect(), ..HERE })
        .expect("so is a browser that was logged in before");
}

#[test]
fn an_unknown_address_fails_and_waits_like_a_known_one() {
    let room = room();
    let try_it = || room.log_in("nobody@school.example", "wrong", &HERE).map(drop).expect_err("nobody");
    for _ in 0..limits::LOGIN_FAILURES.0 {
        assert!(matches!(try_it(), AccountError::Wrong));
    }
    assert!(matches!(try_it(), AccountError::Wait(_)));
}

#[test]
fn who_could_not_remember_the_password_does_not_wait_with_the_new_one() {
    let room = room();
    room.sign_up("Ana");
    let log_in = |password| room.log_in("ana@school.example", password, &HERE);
    for _ in 0..limits::LOGIN_FAILURES.0 {
        assert!(matches!(log_in("wrong"), Err(AccountError::Wrong)));
    }
    let link = room.accounts.issue_reset_of(&name("Ana")).expect("written").expect("known");
    room.accounts.reset(&room.token(&link), "brand new one", &HERE).expect("reset");
    log_in("brand new one").expect("at once");
}
