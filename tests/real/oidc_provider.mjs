// A real OpenID Connect provider on loopback with one client, and people with groups. Prints its issuer, then serves until
// it is ended. argv: the redirect address of the client.
import http from 'node:http';
import { Provider } from 'oidc-provider';

const [redirect] = process.argv.slice(2);
const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'cube',
        client_secret: 'a secret of the client, long enough',
        redirect_uris: [redirect],
        response_types: ['code'],
        grant_types: ['authorization_code'],
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['groups'] },
    // The claims stand in the ID token, as Cognito gives them.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    async findAccount(ctx, id) {
      return {
        accountId: id,
        claims: async () => ({ sub: id, email: `${id}@example.com`, email_verified: true, groups: ['readers'] }),
      };
    },
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
