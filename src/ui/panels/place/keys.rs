//! The keyboard in Place mode: everything that the mouse can do there.

use egui::{Context, Event, Key, Modifiers};

use super::go_to_problem;
use super::tree::{self, Row};
use crate::compiler::Mapping;
use crate::session::{Action, How, Manner, PlaceAction, Session, WatchAction, Wish};
use crate::ui::app::Shell;

/// Keys that mean the same whatever is in hand.
const ALWAYS: [(Modifiers, Key, PlaceAction); 10] = [
    (Modifiers::COMMAND, Key::Num1, PlaceAction::How(How::ByHand)),
    (Modifiers::COMMAND, Key::Num2, PlaceAction::How(How::Watch)),
    (Modifiers::COMMAND, Key::Num3, PlaceAction::How(How::Together)),
    (Modifiers::COMMAND, Key::Enter, PlaceAction::Run),
    (Modifiers::NONE, Key::F9, PlaceAction::Ask(Wish::Finish)),
    (Modifiers::NONE, Key::F10, PlaceAction::Ask(Wish::Improve)),
    // Ctrl+Shift+Z contains Ctrl+Z, so it is asked for first.
    (Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::Z, PlaceAction::Redo),
    (Modifiers::COMMAND, Key::Y, PlaceAction::Redo),
    (Modifiers::COMMAND, Key::Z, PlaceAction::Undo),
    (Modifiers::NONE, Key::E, PlaceAction::PickNext),
];

/// Held while the arrows change the size.
const RESIZE: Modifiers = Modifiers::ALT.plus(Modifiers::SHIFT);

/// Keys about what is in hand.
const HAND: [(Modifiers, Key, PlaceAction); 26] = [
    (RESIZE, Key::ArrowLeft, PlaceAction::Resize { dx: -1, dy: 0 }),
    (RESIZE, Key::ArrowRight, PlaceAction::Resize { dx: 1, dy: 0 }),
    (RESIZE, Key::ArrowUp, PlaceAction::Resize { dx: 0, dy: -1 }),
    (RESIZE, Key::ArrowDown, PlaceAction::Resize { dx: 0, dy: 1 }),
    (Modifiers::NONE, Key::R, PlaceAction::Rotate),
    (Modifiers::NONE, Key::Q, PlaceAction::PutBack),
    (Modifiers::NONE, Key::Delete, PlaceAction::TakeOff),
    (Modifiers::ALT, Key::ArrowUp, PlaceAction::NextShape { back: true, far: false }),
    (Modifiers::ALT, Key::ArrowDown, PlaceAction::NextShape { back: false, far: false }),
    (Modifiers::SHIFT, Key::Comma, PlaceAction::NextShape { back: true, far: true }),
    (Modifiers::SHIFT, Key::Period, PlaceAction::NextShape { back: false, far: true }),
    (Modifiers::NONE, Key::Comma, PlaceAction::NextShape { back: true, far: false }),
    (Modifiers::NONE, Key::Period, PlaceAction::NextShape { back: false, far: false }),
    (Modifiers::SHIFT, Key::Tab, PlaceAction::NextSpot { back: true }),
    (Modifiers::NONE, Key::Tab, PlaceAction::NextSpot { back: false }),
    (Modifiers::COMMAND, Key::ArrowLeft, PlaceAction::Slide { dx: -1, dy: 0 }),
    (Modifiers::COMMAND, Key::ArrowRight, PlaceAction::Slide { dx: 1, dy: 0 }),
    (Modifiers::COMMAND, Key::ArrowUp, PlaceAction::Slide { dx: 0, dy: -1 }),
    (Modifiers::COMMAND, Key::ArrowDown, PlaceAction::Slide { dx: 0, dy: 1 }),
    (Modifiers::SHIFT, Key::ArrowLeft, PlaceAction::Move { dx: -10, dy: 0 }),
    (Modifiers::SHIFT, Key::ArrowRight, PlaceAction::Move { dx: 10, dy: 0 }),
    (Modifiers::SHIFT, Key::ArrowUp, PlaceAction::Move { dx: 0, dy: -10 }),
    (Modifiers::SHIFT, Key::ArrowDown, PlaceAction::Move { dx: 0, dy: 10 }),
    (Modifiers::NONE, Key::ArrowLeft, PlaceAction::Move { dx: -1, dy: 0 }),
    (Modifiers::NONE, Key::ArrowRight, PlaceAction::Move { dx: 1, dy: 0 }),
    (Modifiers::NONE, Key::ArrowUp, PlaceAction::Move { dx: 0, dy: -1 }),
];

/// Keys about the list of decisions.
const WATCH: [(Modifiers, Key, WatchAction); 9] = [
    (Modifiers::NONE, Key::Space, WatchAction::TogglePlay),
    (Modifiers::SHIFT, Key::ArrowLeft, WatchAction::Step(-10)),
    (Modifiers::SHIFT, Key::ArrowRight, WatchAction::Step(10)),
    (Modifiers::NONE, Key::ArrowLeft, WatchAction::Step(-1)),
    (Modifiers::NONE, Key::ArrowRight, WatchAction::Step(1)),
    (Modifiers::NONE, Key::PageUp, WatchAction::StartOfStage),
    (Modifiers::NONE, Key::PageDown, WatchAction::EndOfStage),
    (Modifiers::NONE, Key::Home, WatchAction::Start),
    (Modifiers::NONE, Key::End, WatchAction::End),
];

/// Keys that depend on what is shown.
const OTHERS: [(Modifiers, Key); 8] = [
    (Modifiers::SHIFT, Key::F8),
    (Modifiers::NONE, Key::F8),
    (Modifiers::SHIFT, Key::Enter),
    (Modifiers::NONE, Key::Enter),
    (Modifiers::NONE, Key::ArrowDown),
    (Modifiers::NONE, Key::C),
    (Modifiers::NONE, Key::B),
    (Modifiers::NONE, Key::F6),
];

/// Reads the keys of Place mode, before those of the map.
///
/// What a key means depends on what the one before it did, so one is done in each frame and the others wait.
pub(in crate::ui) fn read(ctx: &Context, session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    let always = ALWAYS.iter().map(|(modifiers, key, _)| (*modifiers, *key));
    let hand = HAND.iter().map(|(modifiers, key, _)| (*modifiers, *key));
    let watch = WATCH.iter().map(|(modifiers, key, _)| (*modifiers, *key));
    let mut known: Vec<(Modifiers, Key)> = always.chain(hand).chain(watch).chain(OTHERS).collect();
    // A key with Shift or Ctrl is not the key without, so those with the most of them are asked for first.
    let held =
        |modifiers: &Modifiers| [modifiers.alt, modifiers.shift, modifiers.command].map(u8::from).iter().sum::<u8>();
    known.sort_by_key(|(modifiers, _)| std::cmp::Reverse(held(modifiers)));
    let waiting = &mut shell.place.keys;
    ctx.input_mut(|input| {
        input.events.retain(|event| {
            let Event::Key { key, pressed: true, modifiers, .. } = event else { return true };
            let found = known.iter().find(|(pattern, own)| own == key && modifiers.matches_logically(*pattern));
            waiting.extend(found.copied());
            found.is_none()
        });
    });
    if session.draft.is_none() {
        // They wait for a draft, which begins with the first frame in this mode.
        let streaming = session.scene().is_some_and(|scene| scene.program.job.mapping == Mapping::Streaming);
        if streaming {
            waiting.clear();
        }
        return;
    }
    if let Some(pressed) = waiting.pop_front() {
        if !waiting.is_empty() {
            ctx.request_repaint();
        }
        act(ctx, pressed, session, shell, actions);
    }
}

/// Does what one key asks for at this moment.
fn act(ctx: &Context, pressed: (Modifiers, Key), session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    if let Some((_, _, action)) = ALWAYS.iter().find(|(modifiers, key, _)| (*modifiers, *key) == pressed) {
        return actions.push(Action::Place(*action));
    }
    match pressed {
        (modifiers, Key::F8) => {
            if let Some(index) = shell.place.next_problem(session, modifiers.shift) {
                go_to_problem(session, shell, index, actions);
            }
            return;
        }
        // Tab stays with the map while kernels are placed, so this is the way out of it.
        (_, Key::F6) => return ctx.memory_mut(|memory| memory.move_focus(egui::FocusDirection::Next)),
        _ => {}
    }
    let in_hand = session.draft.as_ref().is_some_and(|draft| draft.hand.is_some());
    match session.desk.how {
        How::ByHand if in_hand => {
            if let Some((_, _, action)) = HAND.iter().find(|(modifiers, key, _)| (*modifiers, *key) == pressed) {
                return actions.push(Action::Place(*action));
            }
            match pressed {
                (Modifiers::NONE, Key::ArrowDown) => actions.push(Action::Place(PlaceAction::Move { dx: 0, dy: 1 })),
                (Modifiers::NONE, Key::Enter) => actions.extend(shell.place.drop(None, Manner::Legal)),
                (_, Key::Enter) => actions.extend(shell.place.drop(None, Manner::Anyway)),
                (_, Key::C) => actions.extend(shell.place.drop(None, Manner::AndCopy)),
                _ => {}
            }
        }
        How::ByHand | How::Together => walk(pressed.1, session, shell, actions),
        How::Watch => {
            let found = WATCH.iter().find(|(modifiers, key, _)| (*modifiers, *key) == pressed);
            let action = match (found, pressed.1) {
                (Some((_, _, action)), _) => *action,
                (None, Key::Enter) => WatchAction::Elsewhere,
                _ => return,
            };
            actions.push(Action::Place(PlaceAction::Watch(action)));
        }
    }
}

/// The arrows walk the tree while the hand is empty; Enter takes the kernel there, or holds it.
fn walk(pressed: Key, session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    let Some(scene) = session.scene() else { return };
    if session.desk.proposal.is_some() {
        match pressed {
            Key::Enter => actions.push(Action::Place(PlaceAction::Accept)),
            Key::B => shell.place.before = !shell.place.before,
            _ => {}
        }
        return;
    }
    let outline = shell.left.outline(scene);
    let rows: Vec<Row> = tree::rows(scene, session, &outline, shell).into_iter().map(|(row, _)| row).collect();
    let at = shell.place.cursor.and_then(|cursor| rows.iter().position(|row| *row == cursor));
    let last = rows.len().saturating_sub(1);
    match pressed {
        Key::ArrowDown => shell.place.cursor = rows.get(at.map_or(0, |at| (at + 1).min(last))).copied(),
        Key::ArrowUp => shell.place.cursor = rows.get(at.map_or(last, |at| at.saturating_sub(1))).copied(),
        _ => {}
    }
    let Some(cursor) = shell.place.cursor else { return };
    match (cursor, pressed) {
        (Row::Op(op), Key::Enter) => {
            let together = session.desk.how == How::Together;
            actions.push(Action::Place(if together { PlaceAction::Hold(op) } else { PlaceAction::Pick(op) }));
        }
        (Row::Block(_) | Row::Rejected, Key::Enter | Key::ArrowLeft | Key::ArrowRight) => {
            let group = tree::group_of(cursor);
            let open = shell.left.is_open(group);
            if pressed == Key::Enter || open == (pressed == Key::ArrowLeft) {
                shell.left.toggle(group);
            }
        }
        _ => {}
    }
}
