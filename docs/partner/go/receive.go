package main

import (
	"bytes"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json/v2"
	"errors"
	"reflect"
	"slices"
)

// receive opens an OTK1 envelope of mode 1 (direct), of KEM 32 (X25519) or 0x647a
// (MLKEM768-X25519), of any size. It has the private keys by their id; the request is ISS, AUD,
// METHOD, PATH and ID.
func receive(envelope []byte, keys map[string]hpke.PrivateKey, request [5]any) ([]byte, error) {
	if len(envelope) < 56 || string(envelope[:6]) != "OTK1\x01\x00" {
		return nil, errors.New("not an envelope of mode 1")
	}
	end := min(8+int(binary.BigEndian.Uint16(envelope[6:])), 8200, len(envelope)-48)
	head := map[string]any{}
	err := json.Unmarshal(envelope[8:end], &head) // version 2 refuses a member that stands twice
	rcpt, _ := head["rcpt"].([]any)
	to, _ := append(rcpt, nil)[0].(map[string]any)
	kid, _ := to["kid"].(string)
	kem, _ := to["kem"].(float64)
	ours := []any{map[string]any{"kid": kid, "kem": kem, "kdf": 1.0, "aead": 3.0}}
	known := err == nil && head["v"] == 1.0 && keys[kid] != nil && reflect.DeepEqual(rcpt, ours)
	if !known || request != [5]any{head["iss"], head["aud"], head["m"], head["p"], head["did"]} {
		return nil, errors.New("a malformed header, or for another request, key or suite")
	}
	start := min(end+map[float64]int{32: 32, 0x647a: 1120}[kem], len(envelope))
	kdf, aead, prefix := hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), sha256.Sum256(envelope[:end])
	info := append([]byte("OTK1 direct\x00"), prefix[:]...)
	context, err := hpke.NewRecipient(envelope[end:start], keys[kid], kdf, aead, info)
	if err != nil || (len(envelope)-start)%16400 < 16 { // the last chunk is never a full one
		return nil, errors.New("cut off, or for another key")
	}
	body, marked := []byte{}, true
	for chunk := range slices.Chunk(envelope[start:], 16400) {
		text, wrong := context.Open(nil, chunk)
		body, err = append(body, text...), errors.Join(err, wrong)
	}
	if head["pad"] == true {
		body, marked = bytes.CutSuffix(bytes.TrimRight(body, "\x00"), []byte{0x80})
	}
	if err != nil || !marked {
		return nil, errors.New("it was changed, is for another key, or is wrongly padded")
	}
	return body, nil
}
