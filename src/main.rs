//! The command line of Otkel.

/// The system's allocator spends a tenth of a small transfer's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    otkel::cli::run()
}
