// receive KEY.pem ISS AUD METHOD PATH ID < envelope > body
package main

import (
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	body, err := run(os.Args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	os.Stdout.Write(body)
}

func run(args []string) ([]byte, error) {
	if len(args) != 7 {
		return nil, errors.New("arguments: KEY.pem ISS AUD METHOD PATH ID")
	}
	keys, err := readKeys(args[1])
	if err != nil {
		return nil, err
	}
	envelope, err := io.ReadAll(os.Stdin)
	if err != nil {
		return nil, err
	}
	return receive(envelope, keys, [5]any{args[2], args[3], args[4], args[5], args[6]})
}

// readKeys gives the keys by their ids, as receive takes them.
func readKeys(files ...string) (map[string]hpke.PrivateKey, error) {
	keys := map[string]hpke.PrivateKey{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		key, err := readKey(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		digest := sha256.Sum256(key.PublicKey().Bytes())
		keys[base64.RawURLEncoding.EncodeToString(digest[:16])] = key
	}
	return keys, nil
}

func readKey(text []byte) (hpke.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("not in PEM")
	}
	if strings.Contains(block.Type, "MLKEM768-X25519") { // the file holds the seed
		return hpke.MLKEM768X25519().NewPrivateKey(block.Bytes)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*ecdh.PrivateKey)
	if !ok {
		return nil, errors.New("not an X25519 key")
	}
	return hpke.NewDHKEMPrivateKey(key)
}
