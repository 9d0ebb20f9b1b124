//! A node without the standard library: if anything below `chat-core` brings it in, this does not link (there would be
//! two panic handlers), and if anything needs the system's clock or randomness, this does not build.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::string::ToString as _;
use core::{
    alloc::{GlobalAlloc, Layout},
    ffi::{c_char, c_int, c_void},
    panic::PanicInfo,
    time::Duration,
};

use chat_core::{
    Action, Answer, Command, Config, Event, Identity, Input, Instant, Interface, Nick, Node, Output, Place,
    REAL, Request, RoomName, State, Subnet, Text, UnixMillis,
};

/// Starts a node, lets it say something to its store, and has it quit. 0 when each of these was answered.
#[unsafe(no_mangle)]
pub extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    let heard = run().unwrap_or_default();
    say("no_std: transmits ", heard.transmits);
    say(", persists ", heard.persists);
    say(", done ", heard.done);
    let all = heard.transmits > 0 && heard.persists > 0 && heard.done == 2 && heard.finished;
    print(if all { "; no_std ok\n" } else { "; not all of it happened\n" });
    c_int::from(!all)
}

#[derive(Default)]
struct Heard {
    transmits: u32,
    persists: u32,
    done: u32,
    finished: bool,
}

fn run() -> Option<Heard> {
    let config = Config::new(REAL, Nick::new("bare").ok()?, 27_182);
    let identity = Identity::new(REAL, &[7; 32]);
    let mut now = Instant::ORIGIN;
    let mut node = Node::new(config, identity, [9; 32], now);
    let mut heard = Heard::default();
    let eth0 = Interface {
        index: 1,
        name: "eth0".to_string(),
        addresses: [Subnet { address: "10.0.0.1".parse().ok()?, prefix: 24 }].into(),
        multicast: true,
        loopback: false,
        mtu: 1500,
    };
    node.handle(now, Input::WallClock(UnixMillis(1_790_000_000_000)));
    node.handle(now, Input::Interfaces(&[eth0]));
    let say = Action::Say {
        place: Place::Room(RoomName::lobby()),
        text: Text::new("without a standard library").ok()?,
        action: false,
        reply: None,
    };
    node.handle(now, Input::Command(Command { tag: 1, action: say }));
    for step in 0..2000 {
        if step == 1000 {
            node.handle(now, Input::Command(Command { tag: 2, action: Action::Quit }));
        }
        now = drain(&mut node, now, &mut heard);
        node.handle(now, Input::Tick);
    }
    Some(heard)
}

/// Carries out all that the node wants, and returns when it wants to be called again.
fn drain(node: &mut Node, now: Instant, heard: &mut Heard) -> Instant {
    loop {
        match node.poll() {
            Output::Transmit(_) => heard.transmits += 1,
            Output::Event(Event::Done { .. }) => heard.done += 1,
            Output::Event(Event::Finished) => heard.finished = true,
            Output::Event(_) | Output::Trace(_) | Output::Write { .. } => {}
            Output::Persist { token, .. } => {
                heard.persists += 1;
                node.handle(now, Input::Persisted { token, result: Ok(()) });
            }
            Output::Fetch { token, what } => {
                node.handle(now, Input::Fetched { token, answer: nothing(&what) })
            }
            Output::Wait(wake) => return wake.map_or(now + Duration::from_secs(1), |wake| wake.at),
        }
    }
}

/// The answer of a host without a store.
fn nothing(what: &Request) -> Answer {
    match what {
        Request::Entries { .. } => Answer::Entries([].into()),
        Request::Ids { .. } => Answer::Ids([].into()),
        Request::Piece { .. } => Answer::Piece(None),
        _ => Answer::State(State::default()),
    }
}

fn say(text: &str, number: u32) {
    print(text);
    print(&number.to_string());
}

fn print(text: &str) {
    // SAFETY: the pointer and the length are those of a living string.
    unsafe {
        libc::write(1, text.as_ptr().cast(), text.len());
    }
}

struct C;

#[global_allocator]
static ALLOCATOR: C = C;

// SAFETY: `posix_memalign` returns memory of the size and alignment that were asked for, or fails; `free` takes what it
// gave.
unsafe impl GlobalAlloc for C {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let mut memory: *mut c_void = core::ptr::null_mut();
        let align = layout.align().max(size_of::<*mut c_void>());
        // SAFETY: `memory` can be written, and `align` is a power of two not smaller than a pointer.
        match unsafe { libc::posix_memalign(&raw mut memory, align, layout.size()) } {
            0 => memory.cast(),
            _ => core::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, memory: *mut u8, _layout: Layout) {
        // SAFETY: it came from `posix_memalign`.
        unsafe { libc::free(memory.cast()) }
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    print("panicked\n");
    // SAFETY: it takes nothing and does not return.
    unsafe { libc::abort() }
}

/// The precompiled `core` and `alloc` name these two, which unwinding would need. Nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() {}
