// The certified npm oidc-provider, configured as the public description of デジタル認証アプリ says (personal-data.md 2.4).
// node provider.mjs '{"port", "client", "redirect", "jwks", "backchannel", "goodbye"}'; says "ready" when it listens.
import { generateKeyPair, exportJWK } from 'jose';
import http from 'node:http';
import { Provider } from 'oidc-provider';

const told = JSON.parse(process.argv[2]);
const issuer = `http://127.0.0.1:${told.port}`;
const accounts = {
  hanako: { name: '養父 花子', address: { formatted: '養父市八鹿町八鹿1675' }, birthdate: '19900401', gender: '2' },
  taro: { name: '養父 太郎', address: { formatted: '養父市大屋町' }, birthdate: '19850315', gender: '1' },
  jiro: { name: '養父 次郎', address: { formatted: '養父市関宮' }, birthdate: '19790315', gender: '1' },
};

async function key(kid) {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg: 'ES256', use: 'sig' };
}

const page = (action, fields) =>
  `<!doctype html><title>login</title><form method="post" action="${action}">${fields}<button>ok</button></form>`;

function make(signing) {
  const provider = new Provider(issuer, {
    clients: [{
      client_id: told.client,
      redirect_uris: [told.redirect],
      post_logout_redirect_uris: [told.goodbye],
      backchannel_logout_uri: told.backchannel,
      backchannel_logout_session_required: true,
      jwks_uri: told.jwks,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      id_token_signed_response_alg: 'ES256',
      subject_type: 'pairwise',
      require_auth_time: true,
      require_pushed_authorization_requests: true,
      grant_types: ['authorization_code'],
      response_types: ['code'],
    }],
    jwks: { keys: [signing] },
    subjectTypes: ['pairwise'],
    pairwiseIdentifier: (ctx, account, client) => `${client.clientId}.${account}`,
    responseTypes: ['code'],
    scopes: ['openid', 'name', 'address', 'birthdate', 'gender', 'sign'],
    claims: {
      acr: null, auth_time: null, iss: null, sid: null,
      openid: ['sub'], name: ['name'], address: ['address'], birthdate: ['birthdate'], gender: ['gender'],
    },
    acrValues: ['aal3', 'aal1', 'crl'],
    clientAuthMethods: ['private_key_jwt'],
    enabledJWA: { clientAuthSigningAlgValues: ['ES256'], idTokenSigningAlgValues: ['ES256'] },
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: false },
      pushedAuthorizationRequests: { enabled: true },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => { ctx.body = `<!doctype html><title>logout</title>${form}`; },
      },
    },
    fetch: (url, { dispatcher, ...options }) => fetch(url, options), // the module is on this machine
    cookies: { keys: ['made up for a test'] },
    ttl: { AccessToken: 300, AuthorizationCode: 60, Grant: 600, IdToken: 300, Interaction: 600, Session: 600 },
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (ctx, id) => accounts[id] && ({ accountId: id, claims: () => ({ sub: id, ...accounts[id] }) }),
    renderError: (ctx, out) => { ctx.body = `failed: ${out.error}: ${out.error_description}`; },
  });
  for (const event of ['pushed_authorization_request.error', 'authorization.error', 'grant.error', 'backchannel.error']) {
    provider.on(event, (ctx, error) => console.error(event, error.message, error.error_description, error.error_detail));
  }
  provider.on('server_error', (ctx, error) => console.error('server', error));
  return provider;
}

async function interact(provider, req, res) {
  const details = await provider.interactionDetails(req, res);
  if (req.method === 'GET') {
    const fields = details.prompt.name === 'login' ? '<input name="login"><input name="acr">' : '';
    res.setHeader('Content-Type', 'text/html');
    return res.end(page(`/interaction/${details.uid}`, fields));
  }
  let body = '';
  for await (const piece of req) body += piece;
  const form = new URLSearchParams(body);
  if (form.get('login') === 'nobody') {
    return provider.interactionFinished(req, res, { error: 'access_denied' }, { mergeWithLastSubmission: false });
  }
  if (details.prompt.name === 'login') {
    const login = { accountId: form.get('login'), acr: form.get('acr') || 'aal3', remember: true };
    return provider.interactionFinished(req, res, { login }, { mergeWithLastSubmission: false });
  }
  const grant = new provider.Grant({ accountId: details.session.accountId, clientId: details.params.client_id });
  grant.addOIDCScope(details.params.scope);
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(req, res, { consent }, { mergeWithLastSubmission: true });
}

let count = 1;
let provider = make(await key('first'));
const server = http.createServer(async (req, res) => {
  try {
    if (req.url === '/test/rotate') {
      count += 1;
      provider = make(await key(`key-${count}`));
      return res.end('ok');
    }
    if (req.url.startsWith('/interaction/')) return await interact(provider, req, res);
    return provider.callback()(req, res);
  } catch (error) {
    console.error('failed', error);
    res.statusCode = 500;
    return res.end(`failed: ${error.message}`);
  }
});
server.listen(told.port, '127.0.0.1', () => console.log('ready'));
