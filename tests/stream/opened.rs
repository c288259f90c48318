//! What a partner does with a stream: `otkel open`.
