//! The chat on blocking threads, as a program.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    chat_app::main("chat-std", chat_std::start)
}
