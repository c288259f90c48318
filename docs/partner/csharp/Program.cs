// dotnet run -- KEY.pem ISS AUD METHOD PATH ID < envelope > body

using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.OpenSsl;

try
{
    using var envelope = new MemoryStream();
    Console.OpenStandardInput().CopyTo(envelope);
    byte[] body = Receiver.Receive(envelope.ToArray(), ReadKeys(args[0]), args[1..]);
    using Stream output = Console.OpenStandardOutput();
    output.Write(body);
    return 0;
}
catch (Exception why)
{
    string line = why.Message.ReplaceLineEndings(" ");
    Console.Error.WriteLine($"refused: {why.GetType().Name}: {line}");
    return 1;
}

// The keys by their ids, as `Receive` takes them.
static Dictionary<string, X25519PrivateKeyParameters> ReadKeys(params string[] files)
{
    var keys = new Dictionary<string, X25519PrivateKeyParameters>();
    foreach (string file in files)
    {
        using StreamReader text = File.OpenText(file);
        var key = (X25519PrivateKeyParameters)new PemReader(text).ReadObject();
        byte[] digest = SHA256.HashData(key.GeneratePublicKey().GetEncoded());
        string kid = Convert.ToBase64String(digest, 0, 16).TrimEnd('=');
        keys[kid.Replace('+', '-').Replace('/', '_')] = key;
    }
    return keys;
}
