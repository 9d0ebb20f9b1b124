//! The chat on smol, as a program.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    chat_app::main("chat-smol", chat_smol::start)
}
